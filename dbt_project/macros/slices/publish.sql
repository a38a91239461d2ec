{#
    on-run-end: the audited candidates of a domain replace what is published, all marts of it in one transaction,
    together with the note of what they were built from. Nothing happens when a node failed or was not part of
    the run: the marts of a domain change together or not at all.
#}
{% macro publish_domain(results) -%}
    {%- if not execute or flags.WHICH != 'build' -%}
        {%- do return('') -%}
    {%- endif -%}
    {%- for domain in built_domains() -%}
        {%- if not is_whole(domain) -%}
            {%- do log("Tidak diterbitkan: perintah ini tidak membangun dan menguji seluruh domain " ~ domain, true) -%}
        {%- elif results | rejectattr('status', 'in', ['success', 'pass', 'warn', 'no-op']) | list | length > 0 -%}
            {{ note_failure(domain) }}
        {%- else -%}
            {{ publication(domain) }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{# All models of the domain and all data tests that need nothing of another domain. #}
{% macro is_whole(domain) -%}
    {%- for node in graph.nodes.values()
        if node.resource_type in ('model', 'test') and node.fqn[2] == domain
        and node.unique_id not in selected_resources
    -%}
        {%- set parents = node.depends_on.nodes if node.resource_type == 'test' else [] -%}
        {%- set foreign = [] -%}
        {%- for parent in parents if parent.startswith('model.') and graph.nodes[parent].fqn[2] != domain -%}
            {%- do foreign.append(parent) -%}
        {%- endfor -%}
        {%- if not foreign -%}
            {%- do return(false) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(true) -%}
{%- endmacro %}

{% macro note_failure(domain) -%}
    -- A build that another one has taken the domain from has nothing to say about it.
    insert into ops.run_domain (domain, up_to_load_id, invocation_id, status)
    select domain, 0, invocation_id, 'failed' from ops.build
    where domain = '{{ domain }}' and invocation_id = '{{ invocation_id }}'
    on conflict (domain) do update set
        invocation_id = excluded.invocation_id, status = excluded.status, finished_at = default;
    commit;
{%- endmacro %}

{% macro publication(domain) -%}
    {%- set is_full = run_query(
        "select is_full_rebuild from ops.build where domain = '" ~ domain ~ "'"
    ).rows[0][0] -%}
    do $publish$
    declare
        attempt integer := 0;
        relation record;
        privilege record;
        statements text[];
        slices date[];
    begin
        perform from ops.build
        where domain = '{{ domain }}' and invocation_id = '{{ invocation_id }}'
        for update;
        if not found then
            raise exception 'Domain {{ domain }} sedang dibangun oleh proses lain yang mulai lebih akhir.';
        end if;

        -- A long reader must not make the readers behind it wait: give up the place in the queue and try again.
        loop
            begin
                set local lock_timeout = '3s';
                for relation in
                    select oid::regclass as name from pg_class
                    where
                        relnamespace = 'marts'::regnamespace
                        and relkind = 'r'
                        and relname in (''{% for mart in marts_of(domain) %}, '{{ mart.name }}'{% endfor %})
                    order by relname
                loop
                    execute format(
                        'lock table %s in {{ 'access exclusive' if is_full else 'row exclusive' }} mode', relation.name
                    );
                end loop;
                exit;
            exception when lock_not_available then
                attempt := attempt + 1;
                if attempt = 30 then
                    raise exception 'Mart domain {{ domain }} terus dibaca; tidak dapat diterbitkan.';
                end if;
                perform pg_sleep(1);
            end;
        end loop;

        {% for mart in marts_of(domain) %}
        {{ _replace_table(mart) if is_full else _replace_slices(mart) }}
        {% endfor %}

        {% for state, columns in {
            'load': ['load_id', 'source_id', 'change_id', 'superseded_by_load_id', 'supplements_load_id'],
            'slice': ['source_id', 'slice_key', 'load_id'],
            'source': ['source_id', 'data_date'],
        }.items() -%}
        {%- set own = [] -%}
        {%- set other = [] -%}
        {%- for column in columns -%}
            {%- do own.append('published.' ~ column) -%}
            {%- do other.append('state.' ~ column) -%}
        {%- endfor -%}
        delete from ops.published_{{ state }} as published
        where
            published.domain = '{{ domain }}'
            and not exists (
                select from ops.build_{{ state }} as state
                where
                    state.domain = published.domain
                    and ({{ other | join(', ') }}) is not distinct from ({{ own | join(', ') }})
            );
        insert into ops.published_{{ state }} (domain, {{ columns | join(', ') }})
        select domain, {{ columns | join(', ') }} from ops.build_{{ state }} where domain = '{{ domain }}'
        on conflict do nothing;
        {% endfor -%}
        insert into ops.run_domain (domain, up_to_load_id, invocation_id, status, models_version)
        select
            build.domain,
            (
                select coalesce(max(greatest(load.load_id, load.change_id)), 0) from ops.build_load as load
                where load.domain = build.domain
            ),
            build.invocation_id,
            'success',
            build.models_version
        from ops.build as build
        where build.domain = '{{ domain }}'
        on conflict (domain) do update set
            up_to_load_id = excluded.up_to_load_id,
            invocation_id = excluded.invocation_id,
            status = excluded.status,
            finished_at = default,
            models_version = excluded.models_version;
    end
    $publish$;
    commit;
{%- endmacro %}

{# The candidate becomes the published table, with the rights that the old one and the schema give. #}
{% macro _replace_table(mart) -%}
        statements := array(
            select distinct format(
                'grant %s on marts.{{ mart.name }} to %s',
                acl.privilege_type,
                case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end
            )
            from (
                select relacl as rights from pg_class where oid = to_regclass('marts.{{ mart.name }}')
                union all
                select defaclacl from pg_default_acl
                where
                    defaclnamespace = 'marts'::regnamespace
                    and defaclobjtype = 'r'
                    and defaclrole = current_user::regrole
            ) as given
            cross join lateral aclexplode(given.rights) as acl
            where acl.grantee <> current_user::regrole
        );
        for relation in
            select case relkind when 'v' then 'view' else 'table' end as kind from pg_class
            where oid = to_regclass('marts.{{ mart.name }}')
        loop
            execute format('drop %s marts.{{ mart.name }}', relation.kind);
        end loop;
        alter table candidate.{{ mart.name }} set schema marts;
        for privilege in select unnest(statements) as statement loop
            execute privilege.statement;
        end loop;
{%- endmacro %}

{% macro _replace_slices(mart) -%}
        {%- set columns = mart.columns.values() | map(attribute='name') | join(', ') -%}
        {%- if mart.config.get('slice') -%}
        -- The values, not a join: with them the planner uses the index whatever it believes about the table.
        slices := array(
            select slice_on from {{ graph.nodes['model.' ~ project_name ~ '.' ~ mart.config.changed].relation_name }}
        );
        execute 'delete from marts.{{ mart.name }} where {{ mart.config.slice }} = any($1)' using slices;
        {%- else -%}
        delete from marts.{{ mart.name }};
        {%- endif %}
        insert into marts.{{ mart.name }} ({{ columns }}) select {{ columns }} from candidate.{{ mart.name }};
        {%- for index in mart.config.get('indexes', []) if index.type == 'brin' %}
        {%- if loop.first %}
        perform brin_summarize_new_values(index.indexrelid)
        from pg_index as index
        inner join pg_class as indexing on indexing.oid = index.indexrelid
        inner join pg_am as method on method.oid = indexing.relam
        where index.indrelid = 'marts.{{ mart.name }}'::regclass and method.amname = 'brin';
        {%- endif %}
        {%- endfor %}
{%- endmacro %}
