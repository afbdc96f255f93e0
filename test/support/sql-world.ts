/** A schema in which rows can be touched by every way that PostgreSQL has. */
export const WORLD = `
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, ssn text, balance int NOT NULL DEFAULT 0);
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, note text DEFAULT '', created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz);
CREATE TABLE orders (id serial PRIMARY KEY, customer_id int REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE, user_id int REFERENCES users (id), total numeric NOT NULL DEFAULT 0, "delete" boolean NOT NULL DEFAULT false);
CREATE TABLE order_lines (id serial PRIMARY KEY, order_id int NOT NULL REFERENCES orders (id) ON DELETE CASCADE, sku text);
CREATE TABLE updates (id serial PRIMARY KEY, body text);
CREATE TABLE "Weird Name" (id int PRIMARY KEY, "Drop Table" text);
CREATE TABLE "Users" (id int PRIMARY KEY, name text);
CREATE TABLE audit (id serial PRIMARY KEY, what text, at timestamptz DEFAULT now());
CREATE SCHEMA private;
CREATE TABLE private.secrets (id int PRIMARY KEY, value text NOT NULL);
CREATE VIEW user_emails AS SELECT id, email AS mail FROM users;
CREATE VIEW deep_view AS SELECT mail FROM user_emails WHERE id > 0;
CREATE MATERIALIZED VIEW user_count AS SELECT count(*) AS n FROM users;
CREATE VIEW customer_names AS SELECT id, name AS label, note FROM customers;
CREATE TABLE events (id int NOT NULL, at date NOT NULL, body text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE people (id int, name text);
CREATE TABLE employees (salary int) INHERITS (people);
CREATE TABLE inbox (id serial PRIMARY KEY, body text);
CREATE TABLE outbox (id serial PRIMARY KEY, body text);
CREATE TABLE stack (id serial PRIMARY KEY, body text);
CREATE TABLE ruled (id serial PRIMARY KEY, body text);
CREATE TABLE lookups (id serial PRIMARY KEY, body text);
CREATE FUNCTION touch_updated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch_updated();
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) VALUES (TG_TABLE_NAME); RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT OR UPDATE ON inbox FOR EACH ROW EXECUTE FUNCTION note_it();
CREATE FUNCTION eat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM outbox WHERE id = NEW.id; RETURN NEW; END $$;
CREATE TRIGGER eats BEFORE INSERT OR UPDATE ON stack FOR EACH ROW EXECUTE FUNCTION eat();
CREATE FUNCTION peek() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := (SELECT email FROM users ORDER BY id LIMIT 1); RETURN NEW; END $$;
CREATE TRIGGER peeks BEFORE INSERT OR UPDATE ON lookups FOR EACH ROW EXECUTE FUNCTION peek();
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM updates; RETURN NULL; END $$;
CREATE TABLE deferred (id int PRIMARY KEY);
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
CREATE RULE ruled_update AS ON UPDATE TO ruled DO ALSO DELETE FROM outbox WHERE id = OLD.id;
CREATE RULE ruled_soft AS ON DELETE TO ruled DO INSTEAD UPDATE ruled SET body = 'gone' WHERE id = OLD.id;
CREATE FUNCTION purge() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM outbox; RETURN 1; END $$;
CREATE FUNCTION purge_sql(n int) RETURNS void LANGUAGE sql AS $$ DELETE FROM outbox WHERE id = n $$;
CREATE FUNCTION sneaky() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN purge(); END $$;
CREATE FUNCTION read_users() RETURNS text LANGUAGE sql STABLE AS $$ SELECT email FROM users ORDER BY id LIMIT 1 $$;
CREATE FUNCTION read_ctid() RETURNS text LANGUAGE sql STABLE AS $$ SELECT email FROM users WHERE ctid = '(0,1)' $$;
CREATE FUNCTION boom() RETURNS int LANGUAGE plpgsql STABLE AS $$ DECLARE e text; BEGIN SELECT email INTO e FROM users LIMIT 1; RAISE EXCEPTION 'found %', e; END $$;
CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$;
CREATE FUNCTION make_table() RETURNS int LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE IF NOT EXISTS made (x int); RETURN 1; END $$;
CREATE FUNCTION cut() RETURNS int LANGUAGE plpgsql AS $$ BEGIN TRUNCATE outbox; RETURN 1; END $$;
CREATE FUNCTION wipe(r outbox) RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM outbox; RETURN 1; END $$;
CREATE FUNCTION bad_add(a text, b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN DELETE FROM outbox; RETURN true; END $$;
CREATE OPERATOR !!! (LEFTARG = text, RIGHTARG = text, FUNCTION = bad_add);
CREATE FUNCTION eat_state(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM outbox; RETURN 1; END $$;
CREATE AGGREGATE eat_all (int) (SFUNC = eat_state, STYPE = int, INITCOND = '0');
CREATE VIEW purging AS SELECT purge() AS n;
CREATE PROCEDURE cleanup() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM outbox; COMMIT; END $$;
INSERT INTO users (email, ssn) SELECT 'user' || g || '@example.com', '000-' || g FROM generate_series(1, 5) g;
INSERT INTO customers (name) SELECT 'customer ' || g FROM generate_series(1, 5) g;
INSERT INTO orders (customer_id, user_id) SELECT g, g FROM generate_series(1, 5) g;
INSERT INTO order_lines (order_id, sku) SELECT g, 'sku' FROM generate_series(1, 5) g;
INSERT INTO updates (body) SELECT 'update ' || g FROM generate_series(1, 5) g;
INSERT INTO "Weird Name" SELECT g, 'x' FROM generate_series(1, 5) g;
INSERT INTO "Users" SELECT g, 'x' FROM generate_series(1, 5) g;
INSERT INTO private.secrets SELECT g, 'secret ' || g FROM generate_series(1, 5) g;
INSERT INTO events SELECT g, '2025-06-01', 'x' FROM generate_series(1, 5) g;
INSERT INTO events SELECT g, '2026-06-01', 'x' FROM generate_series(1, 5) g;
INSERT INTO people SELECT g, 'p' FROM generate_series(1, 5) g;
INSERT INTO employees SELECT g, 'e', 1 FROM generate_series(1, 5) g;
INSERT INTO inbox (body) SELECT 'x' FROM generate_series(1, 5);
INSERT INTO stack (body) SELECT 'x' FROM generate_series(1, 5);
INSERT INTO outbox (body) SELECT 'x' FROM generate_series(1, 5);
INSERT INTO ruled (body) SELECT 'x' FROM generate_series(1, 5);
REFRESH MATERIALIZED VIEW user_count;
ANALYZE;
`;

/** Every table with a hash of its rows, and the catalogue: what must not change. */
export const FINGERPRINT = `
SELECT n.nspname || '.' || c.relname AS name,
  (xpath('/row/h/text()', query_to_xml(format('SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '''')) AS h FROM ONLY %I.%I t', n.nspname, c.relname), false, true, '')))[1]::text AS rows,
  (xpath('/row/h/text()', query_to_xml(format('SELECT count(*) AS h FROM ONLY %I.%I t', n.nspname, c.relname), false, true, '')))[1]::text AS count
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384 AND n.nspname NOT LIKE 'pg_%' ORDER BY 1`;

export const CATALOGUE_FINGERPRINT = `
SELECT md5(string_agg(x, chr(10) ORDER BY x)) AS h FROM (
  SELECT 'c' || c.oid || c.relname || c.relkind::text || c.relfilenode || coalesce(c.relacl::text, '') || c.relnamespace AS x FROM pg_class c WHERE c.oid >= 16384 AND c.relkind <> 't'
  UNION ALL SELECT 'a' || attrelid || attname || atttypid || attnotnull FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0
  UNION ALL SELECT 'p' || oid || proname || prosrc || coalesce(proacl::text, '') FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT 'n' || oid || nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_temp%' AND nspname NOT LIKE 'pg_toast_temp%'
  UNION ALL SELECT 't' || oid || tgname || tgenabled::text FROM pg_trigger
  UNION ALL SELECT 'k' || oid || conname FROM pg_constraint
  UNION ALL SELECT 'r' || oid || rolname || rolsuper FROM pg_roles
  UNION ALL SELECT 'd' || setdatabase || setrole || setconfig::text FROM pg_db_role_setting
  UNION ALL SELECT 'e' || oid || extname FROM pg_extension
  UNION ALL SELECT 'y' || oid || typname FROM pg_type WHERE oid >= 16384
  UNION ALL SELECT 'm' || objoid || description FROM pg_description WHERE objoid >= 16384
  UNION ALL SELECT 'w' || oid || rulename || ev_enabled::text FROM pg_rewrite WHERE oid >= 16384
) s`;
