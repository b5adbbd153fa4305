-- An index of each access method, over what library.sql makes.
CREATE INDEX items_org ON items (org, made DESC);
CREATE INDEX items_mail ON items (lower(mail));
CREATE INDEX items_open ON items (made) WHERE status = 'open';
CREATE INDEX items_name ON items ((doc ->> 'name'));
CREATE INDEX items_member ON items (member) INCLUDE (code);
CREATE INDEX items_tags ON items USING gin (tags);
CREATE INDEX items_doc ON items USING gin (doc jsonb_path_ops);
CREATE INDEX items_words ON items USING gin (words);
CREATE INDEX items_terms ON items USING gin (to_tsvector('simple', code));
CREATE INDEX items_during ON items USING gist (during);
CREATE INDEX items_place ON items USING spgist (place);
CREATE INDEX items_made ON items USING brin (made);
CREATE INDEX items_code ON items USING hash (code);
CREATE INDEX ON visits (at);
