-- The tables of OrleansMq's outbox, inbox and ledger, for PostgreSQL. They may be made by MqTables.EnsureCreated, or by your own migrations from this script
-- (MqTables.Script gives it with your prefix). Times are Unix milliseconds. Messages are JSON, as HTTP v1 sends them.

-- Two processes that start together would both find nothing and both create.
select pg_advisory_xact_lock(7240103114);

create table if not exists {prefix}outbox (
  id       bigint generated always as identity primary key, -- drawn before the commit: a lower one may become visible later
  lane     integer not null,                                -- messages of one lane are sent in the order of their ids, by one relay at a time
  topic    varchar(249) not null,
  message  text not null,
  added_ms bigint not null,
  refusal  text                                             -- why the broker will never take it; null: it waits to be sent
);
create index if not exists {name}outbox_waiting on {prefix}outbox (lane, id) where refusal is null;
create index if not exists {name}outbox_refused on {prefix}outbox (id) where refusal is not null;

-- Whoever has the lock of a lane's row relays that lane.
create table if not exists {prefix}outbox_lane (lane integer primary key);
insert into {prefix}outbox_lane (lane) select generate_series(0, 31) on conflict do nothing;

create table if not exists {prefix}inbox (
  consumer varchar(249) not null,
  token    varchar(256) not null,
  taken_ms bigint not null,
  primary key (consumer, token)
);
create index if not exists {name}inbox_taken on {prefix}inbox (taken_ms);

create table if not exists {prefix}ledger (
  id         bigint generated always as identity primary key,
  topic      varchar(249) not null,
  token      varchar(256) not null,
  message    text not null,
  copied_ms  bigint not null,
  sent_ms    bigint not null,           -- when it was sent last, as far as the ledger knows
  sends      integer not null default 1,
  settled_ms bigint,                    -- null: unreconciled
  unique (topic, token)
);
create index if not exists {name}ledger_open on {prefix}ledger (topic, id) where settled_ms is null;
create index if not exists {name}ledger_due on {prefix}ledger (sent_ms, id) where settled_ms is null;
create index if not exists {name}ledger_settled on {prefix}ledger (settled_ms) where settled_ms is not null;
