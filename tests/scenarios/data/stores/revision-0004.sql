BEGIN TRANSACTION;
CREATE TABLE directory_sync_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT directory_sync_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "directory_sync_alembic_version" VALUES('0004');
CREATE TABLE directory_sync_change (
	plan_id INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	action VARCHAR(16) NOT NULL, 
	object_hash BLOB NOT NULL, 
	new_object_hash BLOB, 
	identity_hash BLOB, 
	payload TEXT NOT NULL, 
	CONSTRAINT pk_directory_sync_change PRIMARY KEY (plan_id, sequence), 
	CONSTRAINT fk_directory_sync_change_plan_id FOREIGN KEY(plan_id) REFERENCES directory_sync_plan (id)
);
INSERT INTO "directory_sync_change" VALUES(1,0,'create',X'27C35E6E9373877F29E562464E46497E',NULL,NULL,'{"action":"create","fields":[{"field":"uid","new":["a"],"old":[]},{"field":"cn","new":["Ann"],"old":[]}],"key":"a","object":"a"}');
INSERT INTO "directory_sync_change" VALUES(1,1,'create',X'96172B4C53372CD10FADDC821BFE0318',NULL,NULL,'{"action":"create","fields":[{"field":"uid","new":["b"],"old":[]},{"field":"cn","new":["Bob"],"old":[]}],"key":"b","object":"b"}');
INSERT INTO "directory_sync_change" VALUES(1,2,'create',X'CAEC17F4B8159D486CA352209A0FC2D5',NULL,NULL,'{"action":"create","fields":[{"field":"uid","new":["c"],"old":[]},{"field":"cn","new":["Cas"],"old":[]}],"key":"c","object":"c"}');
INSERT INTO "directory_sync_change" VALUES(2,0,'create',X'147DE5EC1B7678499874683DF22AB9E5',NULL,NULL,'{"action":"create","fields":[{"field":"uid","new":["g"],"old":[]},{"field":"cn","new":["Gus"],"old":[]}],"key":"g","object":"g"}');
INSERT INTO "directory_sync_change" VALUES(3,0,'create',X'27C35E6E9373877F29E562464E46497E',NULL,NULL,'{"action":"create","fields":[{"field":"uid","new":["a"],"old":[]},{"field":"cn","new":["A"],"old":[]}],"key":"a","object":"a"}');
INSERT INTO "directory_sync_change" VALUES(3,1,'delete',X'6A2B23CA957E793AE76425D1554FC118',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x1"]},{"field":"cn","new":[],"old":["X1"]}],"key":"x1","object":"x1"}');
INSERT INTO "directory_sync_change" VALUES(3,2,'delete',X'276FCCE6FE818C6486C0747F47183A0C',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x10"]},{"field":"cn","new":[],"old":["X10"]}],"key":"x10","object":"x10"}');
INSERT INTO "directory_sync_change" VALUES(3,3,'delete',X'93E6F2BFE790D2E7F921725DBF662780',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x11"]},{"field":"cn","new":[],"old":["X11"]}],"key":"x11","object":"x11"}');
INSERT INTO "directory_sync_change" VALUES(3,4,'delete',X'36305A1843F0A216879F58E456347CC6',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x12"]},{"field":"cn","new":[],"old":["X12"]}],"key":"x12","object":"x12"}');
INSERT INTO "directory_sync_change" VALUES(3,5,'delete',X'3708337A9D80D55F2A2904AC9FB3CA28',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x13"]},{"field":"cn","new":[],"old":["X13"]}],"key":"x13","object":"x13"}');
INSERT INTO "directory_sync_change" VALUES(3,6,'delete',X'4B940FE9E5F7EA7370CA1F4C6B809638',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x14"]},{"field":"cn","new":[],"old":["X14"]}],"key":"x14","object":"x14"}');
INSERT INTO "directory_sync_change" VALUES(3,7,'delete',X'119ADA78B718AA82B1282D74E8BC9246',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x15"]},{"field":"cn","new":[],"old":["X15"]}],"key":"x15","object":"x15"}');
INSERT INTO "directory_sync_change" VALUES(3,8,'delete',X'B52C5A3DBE1342EE4D2534FA068C8DF4',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x16"]},{"field":"cn","new":[],"old":["X16"]}],"key":"x16","object":"x16"}');
INSERT INTO "directory_sync_change" VALUES(3,9,'delete',X'35761039B00E5091915D940525128A4E',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x17"]},{"field":"cn","new":[],"old":["X17"]}],"key":"x17","object":"x17"}');
INSERT INTO "directory_sync_change" VALUES(3,10,'delete',X'01F69B6739DE314B24965EADFE88E8BF',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x18"]},{"field":"cn","new":[],"old":["X18"]}],"key":"x18","object":"x18"}');
INSERT INTO "directory_sync_change" VALUES(3,11,'delete',X'9BB53F969334F5CA085B0914B70013C1',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x19"]},{"field":"cn","new":[],"old":["X19"]}],"key":"x19","object":"x19"}');
INSERT INTO "directory_sync_change" VALUES(3,12,'delete',X'7760FCBC785F333CF838D3A6B7B2D948',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x2"]},{"field":"cn","new":[],"old":["X2"]}],"key":"x2","object":"x2"}');
INSERT INTO "directory_sync_change" VALUES(3,13,'delete',X'57EB4CFADC93689E41FF50E42B9F489A',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x20"]},{"field":"cn","new":[],"old":["X20"]}],"key":"x20","object":"x20"}');
INSERT INTO "directory_sync_change" VALUES(3,14,'delete',X'A868FD6937887724CE6E4FAB3046F680',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x21"]},{"field":"cn","new":[],"old":["X21"]}],"key":"x21","object":"x21"}');
INSERT INTO "directory_sync_change" VALUES(3,15,'delete',X'81C5F48E1CB489514FC2EEFD13AD8B7A',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x22"]},{"field":"cn","new":[],"old":["X22"]}],"key":"x22","object":"x22"}');
INSERT INTO "directory_sync_change" VALUES(3,16,'delete',X'CB9F574191E181D0E78A5EAA92F378D0',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x23"]},{"field":"cn","new":[],"old":["X23"]}],"key":"x23","object":"x23"}');
INSERT INTO "directory_sync_change" VALUES(3,17,'delete',X'0784E22C758BAD2622A310BC3E874791',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x24"]},{"field":"cn","new":[],"old":["X24"]}],"key":"x24","object":"x24"}');
INSERT INTO "directory_sync_change" VALUES(3,18,'delete',X'1E96969C58F864C0DE7FD267DB5F8472',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x25"]},{"field":"cn","new":[],"old":["X25"]}],"key":"x25","object":"x25"}');
INSERT INTO "directory_sync_change" VALUES(3,19,'delete',X'630C0B0484AEF16F0F93D549CE28ED22',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x26"]},{"field":"cn","new":[],"old":["X26"]}],"key":"x26","object":"x26"}');
INSERT INTO "directory_sync_change" VALUES(3,20,'delete',X'EF2E5A2F4DA93617B58894BDEB1AFCFE',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x27"]},{"field":"cn","new":[],"old":["X27"]}],"key":"x27","object":"x27"}');
INSERT INTO "directory_sync_change" VALUES(3,21,'delete',X'BCFF64BE22610FA00C652C9E22B7953B',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x28"]},{"field":"cn","new":[],"old":["X28"]}],"key":"x28","object":"x28"}');
INSERT INTO "directory_sync_change" VALUES(3,22,'delete',X'F785E231DB14687EE76B95868069E8E8',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x29"]},{"field":"cn","new":[],"old":["X29"]}],"key":"x29","object":"x29"}');
INSERT INTO "directory_sync_change" VALUES(3,23,'delete',X'D743A29CBAA00804CA5CF89D87B0DC06',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x3"]},{"field":"cn","new":[],"old":["X3"]}],"key":"x3","object":"x3"}');
INSERT INTO "directory_sync_change" VALUES(3,24,'delete',X'08679EE3E09CFABC8D7D7EA77F5906F8',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x30"]},{"field":"cn","new":[],"old":["X30"]}],"key":"x30","object":"x30"}');
INSERT INTO "directory_sync_change" VALUES(3,25,'delete',X'49191AAD9A07C9BA0272F2702DF0113A',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x4"]},{"field":"cn","new":[],"old":["X4"]}],"key":"x4","object":"x4"}');
INSERT INTO "directory_sync_change" VALUES(3,26,'delete',X'88707DA8CAD7E4C2C40EF1F3217F0B9D',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x5"]},{"field":"cn","new":[],"old":["X5"]}],"key":"x5","object":"x5"}');
INSERT INTO "directory_sync_change" VALUES(3,27,'delete',X'53B09956CE2D102DF32A34C5204CD83B',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x6"]},{"field":"cn","new":[],"old":["X6"]}],"key":"x6","object":"x6"}');
INSERT INTO "directory_sync_change" VALUES(3,28,'delete',X'2A9AF727F0D0C17D5BED92BBD2612356',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x7"]},{"field":"cn","new":[],"old":["X7"]}],"key":"x7","object":"x7"}');
INSERT INTO "directory_sync_change" VALUES(3,29,'delete',X'0831DF9BE060EB7D15588AFA42296166',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x8"]},{"field":"cn","new":[],"old":["X8"]}],"key":"x8","object":"x8"}');
INSERT INTO "directory_sync_change" VALUES(3,30,'delete',X'ADBA1CA0B9DA0128F442F5A10EC44089',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["x9"]},{"field":"cn","new":[],"old":["X9"]}],"key":"x9","object":"x9"}');
INSERT INTO "directory_sync_change" VALUES(4,0,'update',X'96172B4C53372CD10FADDC821BFE0318',NULL,NULL,'{"action":"update","fields":[{"field":"cn","new":["Bobby"],"old":["Bob"]}],"key":"b","object":"b"}');
INSERT INTO "directory_sync_change" VALUES(4,1,'delete',X'CAEC17F4B8159D486CA352209A0FC2D5',NULL,NULL,'{"action":"delete","fields":[{"field":"uid","new":[],"old":["c"]},{"field":"cn","new":[],"old":["Cas"]}],"key":"c","object":"c"}');
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
	state VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_directory_sync_collection_run PRIMARY KEY (id), 
	CONSTRAINT uq_directory_sync_collection_run_collection_run_id UNIQUE (collection, run_id)
);
INSERT INTO "directory_sync_collection_run" VALUES(1,'staff','terminal__2026-11-30T03:06:08+00:00_b630f8ff','{"name":"staff","title":null,"description":"","template":null,"owners":[],"tags":[],"schedule":null,"timezone":"UTC","start":null,"end":null,"paused":true,"notifications":null,"approval":"none","limits":{},"jobs":[{"name":"people","description":"","template":null,"on_failure":"abort","source":{"file":"staff.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"destination":{"file":"out.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"object":"row","object_classes":null,"rdn":null,"missing_at_destination":"create","missing_at_source":"delete","returning":"report","records":"all","fields":{"uid":{"key":true,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"uid"},"cn":{"key":false,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"cn"}},"limits":{},"approval":null,"wait_for_approval":false,"retries":0},{"name":"guests","description":"","template":null,"on_failure":"abort","source":{"file":"guests.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"destination":{"file":"guests_out.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"object":"row","object_classes":null,"rdn":null,"missing_at_destination":"create","missing_at_source":"delete","returning":"report","records":"all","fields":{"uid":{"key":true,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"uid"},"cn":{"key":false,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"cn"}},"limits":{},"approval":{"approvers":{"users":["bea"],"roles":[]},"when":"always","changes":null,"fields":null,"require":"any","self_approval":"forbid","escalation":null,"expires":null},"wait_for_approval":false,"retries":0},{"name":"limited","description":"","template":null,"on_failure":"continue","source":{"file":"few.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"destination":{"file":"many.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"object":"row","object_classes":null,"rdn":null,"missing_at_destination":"create","missing_at_source":"delete","returning":"report","records":"all","fields":{"uid":{"key":true,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"uid"},"cn":{"key":false,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"cn"}},"limits":{"delete":"10%"},"approval":{"approvers":{"users":["bea"],"roles":[]},"when":"over_limit","changes":null,"fields":null,"require":"any","self_approval":"forbid","escalation":null,"expires":null},"wait_for_approval":false,"retries":0}]}','4a7c07ce72d8fad64b73a33c46c146990cdd2f5f8cf86ed3a1c84a2a111c18f1','terminal','ida',0,'',0,'2026-11-30 03:06:08.844025','2026-11-30 03:06:09.443590','waiting');
INSERT INTO "directory_sync_collection_run" VALUES(2,'staff','terminal__2026-11-30T03:06:11+00:00_a7d335d7','{"name":"staff","title":null,"description":"","template":null,"owners":[],"tags":[],"schedule":null,"timezone":"UTC","start":null,"end":null,"paused":true,"notifications":null,"approval":"none","limits":{},"jobs":[{"name":"people","description":"","template":null,"on_failure":"abort","source":{"file":"staff.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"destination":{"file":"out.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"object":"row","object_classes":null,"rdn":null,"missing_at_destination":"create","missing_at_source":"delete","returning":"report","records":"all","fields":{"uid":{"key":true,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"uid"},"cn":{"key":false,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"cn"}},"limits":{},"approval":null,"wait_for_approval":false,"retries":0},{"name":"guests","description":"","template":null,"on_failure":"abort","source":{"file":"guests.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"destination":{"file":"guests_out.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"object":"row","object_classes":null,"rdn":null,"missing_at_destination":"create","missing_at_source":"delete","returning":"report","records":"all","fields":{"uid":{"key":true,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"uid"},"cn":{"key":false,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"cn"}},"limits":{},"approval":{"approvers":{"users":["bea"],"roles":[]},"when":"always","changes":null,"fields":null,"require":"any","self_approval":"forbid","escalation":null,"expires":null},"wait_for_approval":false,"retries":0},{"name":"limited","description":"","template":null,"on_failure":"continue","source":{"file":"few.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"destination":{"file":"many.csv","connection":null,"delimiter":null,"encoding":"utf-8","sheet":null},"object":"row","object_classes":null,"rdn":null,"missing_at_destination":"create","missing_at_source":"delete","returning":"report","records":"all","fields":{"uid":{"key":true,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"uid"},"cn":{"key":false,"new_only":false,"keep_if_empty":false,"secret":false,"delimiter":null,"from":"cn"}},"limits":{"delete":"10%"},"approval":{"approvers":{"users":["bea"],"roles":[]},"when":"over_limit","changes":null,"fields":null,"require":"any","self_approval":"forbid","escalation":null,"expires":null},"wait_for_approval":false,"retries":0}]}','4a7c07ce72d8fad64b73a33c46c146990cdd2f5f8cf86ed3a1c84a2a111c18f1','terminal','ida',0,'',0,'2026-11-30 03:06:11.684084','2026-11-30 03:06:11.990238','success');
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
	pid INTEGER NOT NULL, request_id INTEGER, 
	CONSTRAINT pk_directory_sync_job_run PRIMARY KEY (id), 
	CONSTRAINT fk_directory_sync_job_run_collection_run_id FOREIGN KEY(collection_run_id) REFERENCES directory_sync_collection_run (id), 
	CONSTRAINT uq_directory_sync_job_run_collection_run_id_job_attempt UNIQUE (collection_run_id, job, attempt)
);
INSERT INTO "directory_sync_job_run" VALUES(1,1,'people',1,'success','{"read":3,"created":3,"updated":0,"moved":0,"disabled":0,"deleted":0,"unchanged":0,"skipped":0,"conflicts":0,"errors":0}','Done.','[]','[]','2026-11-30 03:06:08.953725','2026-11-30 03:06:09.085328','machine',7360,NULL);
INSERT INTO "directory_sync_job_run" VALUES(2,1,'guests',1,'waiting','{"read":1,"created":0,"updated":0,"moved":0,"disabled":0,"deleted":0,"unchanged":0,"skipped":0,"conflicts":0,"errors":0}','Waiting for approval: request 1. The job''s changes always need approval.','[]','[]','2026-11-30 03:06:09.110697','2026-11-30 03:06:09.250345','machine',7360,1);
INSERT INTO "directory_sync_job_run" VALUES(3,1,'limited',1,'waiting','{"read":1,"created":0,"updated":0,"moved":0,"disabled":0,"deleted":0,"unchanged":0,"skipped":0,"conflicts":0,"errors":0}','Waiting for approval: request 2. Plans over a limit need approval (limit delete: 30 planned, 5 allowed (10% of 30)).','[]','[]','2026-11-30 03:06:09.286558','2026-11-30 03:06:09.427847','machine',7360,2);
INSERT INTO "directory_sync_job_run" VALUES(4,2,'people',1,'success','{"read":2,"created":0,"updated":1,"moved":0,"disabled":0,"deleted":1,"unchanged":1,"skipped":0,"conflicts":0,"errors":0}','Done.','[]','[]','2026-11-30 03:06:11.786874','2026-11-30 03:06:11.976459','machine',7401,NULL);
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
INSERT INTO "directory_sync_outcome" VALUES(1,0,'done','','2026-11-30 03:06:09.075166');
INSERT INTO "directory_sync_outcome" VALUES(1,1,'done','','2026-11-30 03:06:09.075166');
INSERT INTO "directory_sync_outcome" VALUES(1,2,'done','','2026-11-30 03:06:09.075166');
INSERT INTO "directory_sync_outcome" VALUES(4,0,'done','','2026-11-30 03:06:11.969511');
INSERT INTO "directory_sync_outcome" VALUES(4,1,'done','','2026-11-30 03:06:11.969511');
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
	apply_finished DATETIME, request_id INTEGER, 
	CONSTRAINT pk_directory_sync_plan PRIMARY KEY (id), 
	CONSTRAINT fk_directory_sync_plan_job_run_id FOREIGN KEY(job_run_id) REFERENCES directory_sync_job_run (id)
);
INSERT INTO "directory_sync_plan" VALUES(1,1,'/tmp/old/out.csv','dc46bb6156bd4a3e4fea55ba2ebf7839d2aa4d6c02ae9b07a54729baac32debe','{"collection":"staff","job":"people","destination":"/tmp/old/out.csv","digest":"dc46bb6156bd4a3e4fea55ba2ebf7839d2aa4d6c02ae9b07a54729baac32debe","statistics":{"read":3,"created":3,"updated":0,"moved":0,"disabled":0,"deleted":0,"unchanged":0,"skipped":0,"conflicts":0,"errors":0},"managed":0,"problems":[],"warnings":[],"limits":[{"kind":"delete+disable+move","subject":"","planned":0,"base":0,"allowed":5,"limit":"[5%, 500]"}],"changes":3}',1,'success','2026-11-30 03:06:09.050366','2026-11-30 03:06:09.059738','2026-11-30 03:06:09.078023',NULL);
INSERT INTO "directory_sync_plan" VALUES(2,2,'/tmp/old/guests_out.csv','dd0b52124ce4dae5b85221ec9697d33c90ef56f778dbff8391646e591f0c7e14','{"collection":"staff","job":"guests","destination":"/tmp/old/guests_out.csv","digest":"dd0b52124ce4dae5b85221ec9697d33c90ef56f778dbff8391646e591f0c7e14","statistics":{"read":1,"created":1,"updated":0,"moved":0,"disabled":0,"deleted":0,"unchanged":0,"skipped":0,"conflicts":0,"errors":0},"managed":0,"problems":[],"warnings":[],"limits":[{"kind":"delete+disable+move","subject":"","planned":0,"base":0,"allowed":5,"limit":"[5%, 500]"}],"changes":1}',1,'stored','2026-11-30 03:06:09.196072',NULL,NULL,NULL);
INSERT INTO "directory_sync_plan" VALUES(3,3,'/tmp/old/many.csv','6ce1c9962cee31d9899f3e933f30ce92d403e23ee2d6f62a9752fba97e0f0650','{"collection":"staff","job":"limited","destination":"/tmp/old/many.csv","digest":"6ce1c9962cee31d9899f3e933f30ce92d403e23ee2d6f62a9752fba97e0f0650","statistics":{"read":1,"created":1,"updated":0,"moved":0,"disabled":0,"deleted":30,"unchanged":0,"skipped":0,"conflicts":0,"errors":0},"managed":30,"problems":[],"warnings":[],"limits":[{"kind":"delete","subject":"","planned":30,"base":30,"allowed":5,"limit":"10%"},{"kind":"disable+move","subject":"","planned":0,"base":30,"allowed":5,"limit":"[5%, 500]"}],"changes":31}',1,'stored','2026-11-30 03:06:09.409555',NULL,NULL,NULL);
INSERT INTO "directory_sync_plan" VALUES(4,4,'/tmp/old/out.csv','571fca841b3d9f99c764a7e08b30bca05d4e3ef02217b98713e28ac355109a33','{"collection":"staff","job":"people","destination":"/tmp/old/out.csv","digest":"571fca841b3d9f99c764a7e08b30bca05d4e3ef02217b98713e28ac355109a33","statistics":{"read":2,"created":0,"updated":1,"moved":0,"disabled":0,"deleted":1,"unchanged":1,"skipped":0,"conflicts":0,"errors":0},"managed":3,"problems":[],"warnings":[],"limits":[{"kind":"delete+disable+move","subject":"","planned":1,"base":3,"allowed":5,"limit":"[5%, 500]"}],"changes":2}',1,'success','2026-11-30 03:06:11.933704','2026-11-30 03:06:11.936228','2026-11-30 03:06:11.973809',NULL);
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
	result TEXT, begun DATETIME, waiver BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT fk_directory_sync_request_collection_run_id FOREIGN KEY(collection_run_id) REFERENCES directory_sync_collection_run (id), 
	CONSTRAINT fk_directory_sync_request_plan_id FOREIGN KEY(plan_id) REFERENCES directory_sync_plan (id), 
	CONSTRAINT fk_directory_sync_request_successor_id FOREIGN KEY(successor_id) REFERENCES directory_sync_request (id), 
	CONSTRAINT uq_directory_sync_request_live_key UNIQUE (live_key)
);
INSERT INTO "directory_sync_request" VALUES(1,'staff','guests',1,2,'dd0b52124ce4dae5b85221ec9697d33c90ef56f778dbff8391646e591f0c7e14',X'F4DCCA3E54C4EE831A2F84CB9C17FBD2','{"approvers":{"users":["bea"],"roles":[]},"when":"always","require":"any","self_approval":"forbid","at_least":1}','[]','ida',0,0,'terminal','','The job''s changes always need approval.','{"read":1,"created":1,"updated":0,"moved":0,"disabled":0,"deleted":0,"unchanged":0,"skipped":0,"conflicts":0,"errors":0}',1,'pending','2026-11-30 03:06:09.207946',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "directory_sync_request" VALUES(2,'staff','limited',1,3,'6ce1c9962cee31d9899f3e933f30ce92d403e23ee2d6f62a9752fba97e0f0650',X'0CAA91FFF61E69A30B4C5EAD086E8FE2','{"approvers":{"users":["bea"],"roles":[]},"when":"over_limit","require":"any","self_approval":"forbid","at_least":1}','["limit delete: 30 planned, 5 allowed (10% of 30)"]','ida',0,0,'terminal','','Plans over a limit need approval (limit delete: 30 planned, 5 allowed (10% of 30)).','{"read":1,"created":1,"updated":0,"moved":0,"disabled":0,"deleted":30,"unchanged":0,"skipped":0,"conflicts":0,"errors":0}',31,'pending','2026-11-30 03:06:09.415577',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
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
INSERT INTO "directory_sync_request_assignee" VALUES(1,'user','bea','policy',0,'2026-11-30 03:06:09.207946');
INSERT INTO "directory_sync_request_assignee" VALUES(2,'user','bea','policy',0,'2026-11-30 03:06:09.415577');
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
INSERT INTO "directory_sync_request_event" VALUES(1,1,'filed','ida','','2026-11-30 03:06:09.207946','{"approvers":[{"kind":"user","name":"bea"}]}');
INSERT INTO "directory_sync_request_event" VALUES(2,2,'filed','ida','','2026-11-30 03:06:09.415577','{"approvers":[{"kind":"user","name":"bea"}]}');
CREATE TABLE directory_sync_request_mail (
	event_id INTEGER NOT NULL, 
	queued DATETIME NOT NULL, 
	due DATETIME NOT NULL, 
	tries INTEGER NOT NULL, 
	first_try DATETIME, 
	problem TEXT NOT NULL, 
	CONSTRAINT pk_directory_sync_request_mail PRIMARY KEY (event_id), 
	CONSTRAINT fk_directory_sync_request_mail_event_id FOREIGN KEY(event_id) REFERENCES directory_sync_request_event (id) ON DELETE CASCADE
);
INSERT INTO "directory_sync_request_mail" VALUES(1,'2026-11-30 03:06:09.207946','2026-11-30 03:06:09.207946',0,NULL,'');
INSERT INTO "directory_sync_request_mail" VALUES(2,'2026-11-30 03:06:09.415577','2026-11-30 03:06:09.415577',0,NULL,'');
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('directory_sync_request',2);
INSERT INTO "sqlite_sequence" VALUES('directory_sync_request_event',2);
COMMIT;
