-- Keyed hashes of personal columns become uuid: the first 128 bits of what stood there as 64 hexadecimal characters.
--
-- Views hold the type of what they read, so those over the raw tables are dropped: the closed rows come back when
-- the contracts are registered, staging and all above it with the transform, for which no domain counts as built.

do $$
declare
    landed record;
    reading record;
begin
    for landed in
        select
            relation.oid,
            format('raw.%I', relation.relname) as name,
            string_agg(
                format('alter column %1$I type uuid using left(%1$I, 32)::uuid', attribute.attname), ', '
            ) as changes
        from pg_class as relation
        inner join pg_attribute as attribute on attribute.attrelid = relation.oid
        where
            relation.relnamespace = 'raw'::regnamespace
            and relation.relkind = 'r'
            and attribute.attnum > 0
            and not attribute.attisdropped
            and attribute.atttypid = 'text'::regtype
            and col_description(relation.oid, attribute.attnum) like 'Kunci teracak (HMAC-SHA256) dari %'
        group by relation.oid, relation.relname
    loop
        for reading in
            select distinct format('%I.%I', schema.nspname, view.relname) as name
            from pg_depend as dependency
            inner join pg_rewrite as rule on rule.oid = dependency.objid
            inner join pg_class as view on view.oid = rule.ev_class
            inner join pg_namespace as schema on schema.oid = view.relnamespace
            where
                dependency.classid = 'pg_rewrite'::regclass
                and dependency.refclassid = 'pg_class'::regclass
                and dependency.refobjid = landed.oid
        loop
            execute format('drop view if exists %s cascade', reading.name);
        end loop;
        execute format('alter table %s %s', landed.name, landed.changes);
        update ops.run_domain set models_version = '';
    end loop;
end
$$;
