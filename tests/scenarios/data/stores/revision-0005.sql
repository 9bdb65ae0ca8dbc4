BEGIN TRANSACTION;
CREATE TABLE directory_sync_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT directory_sync_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "directory_sync_alembic_version" VALUES('0005');
CREATE TABLE directory_sync_change (
	plan_id INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	action VARCHAR(16) NOT NULL, 
	object_hash BLOB NOT NULL, 
	new_object_hash BLOB, 
	identity_hash BLOB, 
	payload TEXT NOT NULL, name TEXT, 
	CONSTRAINT pk_directory_sync_change PRIMARY KEY (plan_id, sequence), 
	CONSTRAINT fk_directory_sync_change_plan_id FOREIGN KEY(plan_id) REFERENCES directory_sync_plan (id)
);
INSERT INTO "directory_sync_change" VALUES(1,0,'create',X'C84A1F471DE66DEC6D5C207819F9BF75',NULL,NULL,'{"action":"create","fields":[{"field":"cn","new":["Philip Straße"],"old":[]},{"field":"pin","new":["4711"],"old":[]},{"field":"userPassword","new":["hunter2"],"old":[]},{"field":"jpegPhoto","new":[{"base64":"/9g="}],"old":[]}],"key":"fry","object":"uid=fry,ou=people,dc=office"}','Philip Straße');
INSERT INTO "directory_sync_change" VALUES(1,1,'update',X'EDC1D866B92B0B6B63048EC90DC1713E',X'B6AB92C533A7F5B41E5DB60C205CFAB8',X'B01084209F8271F6E1F668713FFA2BD5','{"action":"update","fields":[{"field":"member","new":["uid=Éva"],"old":["uid=zoidberg"],"partial":true}],"identity":"0123456789abcdef","key":"amy","new_object":"uid=wong,ou=people,dc=office","object":"uid=amy,ou=people,dc=office"}',NULL);
INSERT INTO "directory_sync_change" VALUES(1,2,'delete',X'4FDBB9CA046490A755A945870AA6FFA3',NULL,NULL,'{"action":"delete","fields":[{"field":"sn","new":[],"old":["Rodriguez"]}],"key":"bender","object":"uid=bender,ou=people,dc=office"}',NULL);
INSERT INTO "directory_sync_change" VALUES(2,0,'create',X'9BF31441678C496EA7F634BF38996B76',NULL,NULL,'{"action":"create","fields":[{"field":"cn","new":["person 0"],"old":[]},{"field":"sn","new":["Pérson"],"old":[]}],"key":"person 0","object":"cn=person 0,ou=people,dc=office"}',NULL);
INSERT INTO "directory_sync_change" VALUES(2,1,'create',X'FADF795DB9759040E931EE57090CF68E',NULL,NULL,'{"action":"create","fields":[{"field":"cn","new":["person 1"],"old":[]},{"field":"sn","new":["Pérson"],"old":[]}],"key":"person 1","object":"cn=person 1,ou=people,dc=office"}',NULL);
INSERT INTO "directory_sync_change" VALUES(2,2,'create',X'4E805999B2DF9BC03C47404BDF08E04B',NULL,NULL,'{"action":"create","fields":[{"field":"cn","new":["person 2"],"old":[]},{"field":"sn","new":["Pérson"],"old":[]}],"key":"person 2","object":"cn=person 2,ou=people,dc=office"}',NULL);
CREATE TABLE directory_sync_collection (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT uq_directory_sync_collection_name UNIQUE (name)
);
CREATE TABLE directory_sync_collection_run (
	id INTEGER NOT NULL, 
	collection TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	definition TEXT NOT NULL, 
	definition_digest VARCHAR(64) NOT NULL, 
	"trigger" VARCHAR(32) NOT NULL, 
	requester TEXT NOT NULL, 
	requester_verified BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	preview_only BOOLEAN NOT NULL, 
	started DATETIME NOT NULL, 
	finished DATETIME, 
	state VARCHAR(32) NOT NULL, triggering_user TEXT, logical_date DATETIME, run_after DATETIME, lease VARCHAR(32), 
	CONSTRAINT pk_directory_sync_collection_run PRIMARY KEY (id), 
	CONSTRAINT uq_directory_sync_collection_run_collection_run_id UNIQUE (collection, run_id)
);
INSERT INTO "directory_sync_collection_run" VALUES(1,'crew','run 1','{"name":"crew","title":null,"description":"","template":null,"owners":[],"tags":[],"schedule":null,"timezone":"UTC","start":null,"end":null,"paused":true,"notifications":null,"approval":"none","limits":{"delete":"5%"},"limit_window":"1d","jobs":[{"name":"people","description":"","template":null,"enabled":true,"on_failure":"abort","source":{"connection":"ship","container":"ou=people,dc=ship","scope":"subtree","filter":"(objectClass=*)"},"destination":{"connection":"office","container":"ou=people,dc=office","base":null,"scope":"subtree","filter":null,"move_existing":false,"unmanaged_match":"refuse"},"object":"user","object_classes":null,"rdn":null,"missing_at_destination":"create","missing_at_source":"skip","remove":"known","returning":"report","records":"all","fields":{"cn":{"key":true,"new_only":false,"keep_if_empty":false,"exact":false,"secret":false,"delimiter":null,"from":"cn"},"sn":{"key":false,"new_only":false,"keep_if_empty":false,"exact":false,"secret":false,"delimiter":null,"from":"sn"},"o":{"key":false,"new_only":false,"keep_if_empty":false,"exact":false,"secret":false,"delimiter":null,"static":"Planet Express"},"pin":{"key":false,"new_only":false,"keep_if_empty":false,"exact":false,"secret":true,"delimiter":null,"from":"pin"}},"limits":{},"limit_window":null,"approval":null,"wait_for_approval":false,"retries":0}]}','f7fde32a1e4143202de416082c7368cf456aadec026cae65f772aa9138a97f8a','manual','ida',1,'because',0,'2026-11-30 11:36:27.031033',NULL,'running',NULL,NULL,NULL,NULL);
INSERT INTO "directory_sync_collection_run" VALUES(2,'crew','run 2','{"name":"crew","title":null,"description":"","template":null,"owners":[],"tags":[],"schedule":null,"timezone":"UTC","start":null,"end":null,"paused":true,"notifications":null,"approval":"none","limits":{"delete":"5%"},"limit_window":"1d","jobs":[{"name":"people","description":"","template":null,"enabled":true,"on_failure":"abort","source":{"connection":"ship","container":"ou=people,dc=ship","scope":"subtree","filter":"(objectClass=*)"},"destination":{"connection":"office","container":"ou=people,dc=office","base":null,"scope":"subtree","filter":null,"move_existing":false,"unmanaged_match":"refuse"},"object":"user","object_classes":null,"rdn":null,"missing_at_destination":"create","missing_at_source":"skip","remove":"known","returning":"report","records":"all","fields":{"cn":{"key":true,"new_only":false,"keep_if_empty":false,"exact":false,"secret":false,"delimiter":null,"from":"cn"},"sn":{"key":false,"new_only":false,"keep_if_empty":false,"exact":false,"secret":false,"delimiter":null,"from":"sn"},"o":{"key":false,"new_only":false,"keep_if_empty":false,"exact":false,"secret":false,"delimiter":null,"static":"Planet Express"},"pin":{"key":false,"new_only":false,"keep_if_empty":false,"exact":false,"secret":true,"delimiter":null,"from":"pin"}},"limits":{},"limit_window":null,"approval":null,"wait_for_approval":false,"retries":0}]}','f7fde32a1e4143202de416082c7368cf456aadec026cae65f772aa9138a97f8a','manual','ida',1,'because',0,'2026-11-30 11:36:27.300272',NULL,'running',NULL,NULL,NULL,NULL);
CREATE TABLE directory_sync_ended_run (
	collection TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	ended DATETIME NOT NULL, 
	CONSTRAINT pk_directory_sync_ended_run PRIMARY KEY (collection, run_id)
);
CREATE TABLE directory_sync_job_run (
	id INTEGER NOT NULL, 
	collection_run_id INTEGER NOT NULL, 
	job TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	statistics TEXT, 
	message TEXT NOT NULL, 
	warnings TEXT NOT NULL, 
	problems TEXT NOT NULL, 
	started DATETIME NOT NULL, 
	finished DATETIME, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, request_id INTEGER, planned TEXT, lease VARCHAR(32), 
	CONSTRAINT pk_directory_sync_job_run PRIMARY KEY (id), 
	CONSTRAINT fk_directory_sync_job_run_collection_run_id FOREIGN KEY(collection_run_id) REFERENCES directory_sync_collection_run (id), 
	CONSTRAINT uq_directory_sync_job_run_collection_run_id_job_attempt UNIQUE (collection_run_id, job, attempt)
);
INSERT INTO "directory_sync_job_run" VALUES(1,1,'people',1,'waiting','{"read":7,"created":0,"updated":0,"moved":0,"disabled":0,"deleted":0,"unchanged":0,"skipped":0,"conflicts":0,"errors":0}','Waiting for approval: request 1.','[]','[]','2026-11-30 11:36:27.136493','2026-11-30 11:36:27.228160','vm',27111,1,'{"read":7,"created":1,"updated":1,"moved":0,"disabled":0,"deleted":1,"unchanged":0,"skipped":0,"conflicts":0,"errors":0}',NULL);
INSERT INTO "directory_sync_job_run" VALUES(2,2,'people',1,'running',NULL,'','[]','[]','2026-11-30 11:36:27.311140',NULL,'vm',27111,NULL,NULL,NULL);
CREATE TABLE directory_sync_known_objects (
	collection_id INTEGER NOT NULL, 
	job TEXT NOT NULL, 
	destination TEXT NOT NULL, 
	source TEXT NOT NULL, 
	known BLOB NOT NULL, 
	absent BLOB NOT NULL, 
	held BLOB NOT NULL, 
	held_names BLOB NOT NULL, 
	created_names BLOB NOT NULL, 
	claims BOOLEAN NOT NULL, 
	complete DATETIME, 
	CONSTRAINT pk_directory_sync_known_objects PRIMARY KEY (collection_id, job), 
	CONSTRAINT fk_directory_sync_known_objects_collection_id FOREIGN KEY(collection_id) REFERENCES directory_sync_collection (id)
);
CREATE TABLE directory_sync_lease (
	id INTEGER NOT NULL, 
	token VARCHAR(32) NOT NULL, 
	resource TEXT NOT NULL, 
	area TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	acquired DATETIME NOT NULL, 
	expires DATETIME NOT NULL, 
	CONSTRAINT pk_directory_sync_lease PRIMARY KEY (id)
);
CREATE TABLE directory_sync_outcome (
	plan_id INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	result VARCHAR(16) NOT NULL, 
	message TEXT NOT NULL, 
	recorded DATETIME NOT NULL, 
	CONSTRAINT pk_directory_sync_outcome PRIMARY KEY (plan_id, sequence), 
	CONSTRAINT fk_directory_sync_outcome_plan_id_sequence FOREIGN KEY(plan_id, sequence) REFERENCES directory_sync_change (plan_id, sequence)
);
CREATE TABLE directory_sync_plan (
	id INTEGER NOT NULL, 
	job_run_id INTEGER NOT NULL, 
	destination TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	header TEXT NOT NULL, 
	complete BOOLEAN NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	stored DATETIME NOT NULL, 
	apply_started DATETIME, 
	apply_finished DATETIME, request_id INTEGER, findings BLOB, removals INTEGER, memberships INTEGER, digest_version INTEGER DEFAULT 1 NOT NULL, seal VARCHAR(64), 
	CONSTRAINT pk_directory_sync_plan PRIMARY KEY (id), 
	CONSTRAINT fk_directory_sync_plan_job_run_id FOREIGN KEY(job_run_id) REFERENCES directory_sync_job_run (id)
);
INSERT INTO "directory_sync_plan" VALUES(1,1,'ldap://127.0.0.1:389','da7bd8bc9af96261a63720f83af8665493a34be655c6c9da52664ba2fde49bde','{"collection":"crew","job":"people","destination":"ldap://127.0.0.1:389","digest":"da7bd8bc9af96261a63720f83af8665493a34be655c6c9da52664ba2fde49bde","statistics":{"read":7,"created":1,"updated":1,"moved":0,"disabled":0,"deleted":1,"unchanged":0,"skipped":0,"conflicts":0,"errors":0},"managed":3,"problems":[{"key":"fry","object":"line 3","message":"no surname"}],"warnings":["A warning."],"limits":[{"kind":"delete","subject":"","planned":0,"base":3,"allowed":5,"limit":"5%","recent":0}],"left_alone":[],"changes":3}',1,'stored','2026-11-30 11:36:27.196703',NULL,NULL,NULL,X'000000000000000001000000000000002D00000000000000000000000000000000',1,0,1,'d71e04c34a7a50838a1909524d53e81b78791f0b67545180ab3f5911292b98f5');
INSERT INTO "directory_sync_plan" VALUES(2,2,'ldap://127.0.0.1:389','1180e7323242be1e42a8568824138a39d933926e66efc760ad1421d57c880ecb','{"collection":"crew","job":"people","destination":"ldap://127.0.0.1:389","digest":"1180e7323242be1e42a8568824138a39d933926e66efc760ad1421d57c880ecb","statistics":{"read":7,"created":3,"updated":0,"moved":0,"disabled":0,"deleted":0,"unchanged":0,"skipped":0,"conflicts":0,"errors":0},"managed":3,"problems":[{"key":"fry","object":"line 3","message":"no surname"}],"warnings":["A warning."],"limits":[{"kind":"delete","subject":"","planned":0,"base":3,"allowed":5,"limit":"5%","recent":0}],"left_alone":[],"changes":3}',1,'stored','2026-11-30 11:36:27.345358',NULL,NULL,NULL,X'000000000000000001000000000000002D00000000000000000000000000000000',0,0,1,'40ac6cbfe60cb5fab842f5946cb803286170b1d147f84367cb74590316d0ca63');
CREATE TABLE directory_sync_request (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	collection TEXT NOT NULL, 
	job TEXT NOT NULL, 
	collection_run_id INTEGER NOT NULL, 
	plan_id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	live_key BLOB, 
	policy TEXT NOT NULL, 
	waives TEXT NOT NULL, 
	requester TEXT NOT NULL, 
	requester_verified BOOLEAN NOT NULL, 
	requester_may_decide BOOLEAN NOT NULL, 
	"trigger" VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	description TEXT NOT NULL, 
	statistics TEXT NOT NULL, 
	changes INTEGER NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	filed DATETIME NOT NULL, 
	expires DATETIME, 
	level INTEGER NOT NULL, 
	escalates DATETIME, 
	decided DATETIME, 
	decided_by TEXT, 
	successor_id INTEGER, 
	applied DATETIME, 
	result TEXT, begun DATETIME, waiver BOOLEAN DEFAULT 0 NOT NULL, seal VARCHAR(64), asked_by TEXT, title TEXT, source TEXT, destination TEXT, 
	CONSTRAINT fk_directory_sync_request_collection_run_id FOREIGN KEY(collection_run_id) REFERENCES directory_sync_collection_run (id), 
	CONSTRAINT fk_directory_sync_request_plan_id FOREIGN KEY(plan_id) REFERENCES directory_sync_plan (id), 
	CONSTRAINT fk_directory_sync_request_successor_id FOREIGN KEY(successor_id) REFERENCES directory_sync_request (id), 
	CONSTRAINT uq_directory_sync_request_live_key UNIQUE (live_key)
);
INSERT INTO "directory_sync_request" VALUES(1,'crew','people',1,1,'da7bd8bc9af96261a63720f83af8665493a34be655c6c9da52664ba2fde49bde',X'80ED23A6B44E40D69777AD4F633A8AB1','{"require":"any","approvers":{"users":["bea"]}}','[]','ida',1,0,'manual','because','','{"read":7,"created":1,"updated":1,"moved":0,"disabled":0,"deleted":1,"unchanged":0,"skipped":0,"conflicts":0,"errors":0}',3,'pending','2026-11-30 11:36:27.228160',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,'92295f5fd540ad1664615b58326dbaf57a4984eee875dfbd9bdbc44e851b68c7',NULL,NULL,'ship: ou=people,dc=ship','office: ou=people,dc=office');
CREATE TABLE directory_sync_request_assignee (
	request_id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name TEXT NOT NULL, 
	why VARCHAR(16) NOT NULL, 
	level INTEGER NOT NULL, 
	since DATETIME NOT NULL, 
	CONSTRAINT pk_directory_sync_request_assignee PRIMARY KEY (request_id, kind, name), 
	CONSTRAINT fk_directory_sync_request_assignee_request_id FOREIGN KEY(request_id) REFERENCES directory_sync_request (id)
);
INSERT INTO "directory_sync_request_assignee" VALUES(1,'user','bea','policy',0,'2026-11-30 11:36:27.228160');
CREATE TABLE directory_sync_request_decision (
	request_id INTEGER NOT NULL, 
	person TEXT NOT NULL, 
	roles TEXT NOT NULL, 
	verified BOOLEAN NOT NULL, 
	approve BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_directory_sync_request_decision PRIMARY KEY (request_id, person), 
	CONSTRAINT fk_directory_sync_request_decision_request_id FOREIGN KEY(request_id) REFERENCES directory_sync_request (id)
);
CREATE TABLE directory_sync_request_event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	request_id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	actor TEXT NOT NULL, 
	text TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	data TEXT, 
	CONSTRAINT fk_directory_sync_request_event_request_id FOREIGN KEY(request_id) REFERENCES directory_sync_request (id)
);
INSERT INTO "directory_sync_request_event" VALUES(1,1,'filed','ida','because','2026-11-30 11:36:27.228160','{"approvers":[{"kind":"user","name":"bea"}]}');
CREATE TABLE directory_sync_request_mail (
	event_id INTEGER NOT NULL, 
	queued DATETIME NOT NULL, 
	due DATETIME NOT NULL, 
	tries INTEGER NOT NULL, 
	first_try DATETIME, 
	problem TEXT NOT NULL, claim VARCHAR(32), progress TEXT, 
	CONSTRAINT pk_directory_sync_request_mail PRIMARY KEY (event_id), 
	CONSTRAINT fk_directory_sync_request_mail_event_id FOREIGN KEY(event_id) REFERENCES directory_sync_request_event (id) ON DELETE CASCADE
);
INSERT INTO "directory_sync_request_mail" VALUES(1,'2026-11-30 11:36:27.228160','2026-11-30 11:36:27.228160',0,NULL,'',NULL,NULL);
CREATE INDEX ix_directory_sync_collection_run_collection_started ON directory_sync_collection_run (collection, started);
CREATE INDEX ix_directory_sync_plan_complete_stored ON directory_sync_plan (complete, stored);
CREATE INDEX ix_directory_sync_plan_digest ON directory_sync_plan (digest);
CREATE INDEX ix_directory_sync_plan_job_run_id ON directory_sync_plan (job_run_id);
CREATE INDEX ix_directory_sync_change_object_hash ON directory_sync_change (object_hash);
CREATE INDEX ix_directory_sync_change_new_object_hash ON directory_sync_change (new_object_hash) WHERE new_object_hash IS NOT NULL;
CREATE INDEX ix_directory_sync_change_identity_hash ON directory_sync_change (identity_hash) WHERE identity_hash IS NOT NULL;
CREATE INDEX ix_directory_sync_lease_token ON directory_sync_lease (token);
CREATE INDEX ix_directory_sync_request_state_id ON directory_sync_request (state, id);
CREATE INDEX ix_directory_sync_request_requester_id ON directory_sync_request (requester, id);
CREATE INDEX ix_directory_sync_request_collection_job_id ON directory_sync_request (collection, job, id);
CREATE INDEX ix_directory_sync_request_collection_run_id ON directory_sync_request (collection_run_id);
CREATE INDEX ix_directory_sync_request_plan_id ON directory_sync_request (plan_id);
CREATE INDEX ix_directory_sync_request_successor_id ON directory_sync_request (successor_id);
CREATE INDEX ix_directory_sync_request_assignee_kind_name ON directory_sync_request_assignee (kind, name);
CREATE INDEX ix_directory_sync_request_decision_person ON directory_sync_request_decision (person);
CREATE INDEX ix_directory_sync_request_event_request_id_kind ON directory_sync_request_event (request_id, kind);
CREATE INDEX ix_directory_sync_request_mail_due ON directory_sync_request_mail (due);
CREATE INDEX ix_directory_sync_job_run_request_id ON directory_sync_job_run (request_id);
CREATE INDEX ix_directory_sync_known_objects_destination ON directory_sync_known_objects (destination);
CREATE INDEX ix_directory_sync_collection_run_finished ON directory_sync_collection_run (finished);
CREATE INDEX ix_directory_sync_job_run_state ON directory_sync_job_run (state);
CREATE INDEX ix_directory_sync_plan_state ON directory_sync_plan (state);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('directory_sync_request',1);
INSERT INTO "sqlite_sequence" VALUES('directory_sync_request_event',1);
COMMIT;
