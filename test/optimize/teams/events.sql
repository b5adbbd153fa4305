-- An event store with streams, snapshots, projections and an outbox.
create schema "Event Store";
create schema projections;
grant usage on schema "Event Store", projections to authenticated;
create table "Event Store"."Streams" ("Id" uuid primary key, "Type" text not null, "Version" bigint not null default 0, "TenantId" uuid, "Archived" boolean not null default false);
create table "Event Store"."Events" ("Position" bigint generated always as identity primary key, "StreamId" uuid not null references "Event Store"."Streams" ("Id"), "Version" bigint not null, "Type" text not null, "Data" json not null, "Metadata" jsonb, "At" timestamptz not null default now(), constraint "Events_stream_version" unique ("StreamId", "Version"));
create table "Event Store"."Snapshots" ("StreamId" uuid not null, "Version" bigint not null, "State" jsonb, constraint "Snapshots_stream" foreign key ("StreamId") references "Event Store"."Streams" ("Id") on delete cascade);
create table "Event Store"."Outbox" ("Id" bigserial, "Position" bigint references "Event Store"."Events" ("Position"), "SentAt" timestamp, "Attempts" int default 0);
create table projections.checkpoints (name text not null, position bigint not null);
alter table projections.checkpoints replica identity full;
create table projections.balances (account uuid primary key, owner_id uuid not null, cents bigint not null, stream_id uuid references "Event Store"."Streams" ("Id"));
create table projections.transfers (id uuid primary key, from_account uuid references projections.balances (account), to_account uuid references projections.balances (account), cents bigint not null, at timestamptz default now(), constraint "cents > 0" check (cents > 0));
create unique index "Snapshots key" on "Event Store"."Snapshots" ("StreamId", "Version");
create index "Events by stream" on "Event Store"."Events" ("StreamId");
create index "Events by stream 2" on "Event Store"."Events" ("StreamId", "Version") include ("Type");
create index "Events type" on "Event Store"."Events" ("Type");
create index "Outbox unsent" on "Event Store"."Outbox" ("Id") where "SentAt" is null;
create index "Outbox sent" on "Event Store"."Outbox" ("SentAt");
create unique index checkpoints_name_idx on projections.checkpoints (name);
create index transfers_from_idx on projections.transfers (from_account);
create index transfers_from_idx2 on projections.transfers (from_account);
alter table "Event Store"."Events" add constraint "Version is positive" check ("Version" > 0) not valid;
create function "Event Store"."append"("Stream" uuid, "Kind" text, "Body" json) returns bigint language plpgsql security definer as $$
declare position bigint;
begin
  insert into "Event Store"."Events" ("StreamId", "Version", "Type", "Data")
    select "Stream", 1 + count(*), "Kind", "Body" from "Event Store"."Events" e where e."StreamId" = "Stream" returning "Position" into position;
  return position;
end
$$;
create function projections.owns(wanted uuid) returns boolean language sql stable security definer as $$ select exists (select 1 from projections.balances b where b.account = wanted and b.owner_id = auth.uid()) $$;
alter table projections.balances enable row level security;
alter table projections.transfers enable row level security;
alter table "Event Store"."Streams" enable row level security;
create policy own on projections.balances for select to authenticated using (owner_id = auth.uid());
create policy own on projections.transfers for select to authenticated using (projections.owns(from_account) or projections.owns(to_account));
create policy "own streams" on "Event Store"."Streams" for select to authenticated using (exists (select 1 from projections.balances b where b.stream_id = "Streams"."Id" and b.owner_id = auth.uid()));
