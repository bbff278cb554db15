-- Conversations, charts and the audit trail. Times are milliseconds since 1970-01-01 UTC and ids UUIDv7 text, both made
-- by the program. The SQLite and PostgreSQL files of one version define the same tables.
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    patient_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX conversations_of_patient ON conversations (patient_id, updated_at);

CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    patient_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    urgency TEXT NOT NULL,
    refused BIGINT NOT NULL,
    idempotency_key TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (conversation_id, position),
    UNIQUE (conversation_id, idempotency_key)
);
CREATE INDEX turns_refused ON turns (refused, created_at);

CREATE TABLE feedback (
    turn_id TEXT PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
    patient_id TEXT NOT NULL,
    helpful BIGINT NOT NULL,
    comment TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE charts (
    patient_id TEXT PRIMARY KEY,
    chart TEXT NOT NULL,
    resources TEXT NOT NULL,
    imported_at BIGINT NOT NULL
);

-- Who did what to whose data; never what was said.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    patient_id TEXT,
    action TEXT NOT NULL,
    resource TEXT NOT NULL
);
CREATE INDEX audit_of_patient ON audit (patient_id, at);
