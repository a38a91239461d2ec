{# One build of one domain: it claims the candidates, notes what the ledger holds, and knows how far back to go. #}

{# Whether this command makes tables; all others show what is published. #}
{% macro is_building() -%}
    {%- do return(flags.WHICH in ('build', 'run')) -%}
{%- endmacro %}

{# Domains of the models that this invocation makes. #}
{% macro built_domains() -%}
    {%- set domains = [] -%}
    {%- for unique_id in selected_resources if unique_id.startswith('model.') -%}
        {%- do domains.append(graph.nodes[unique_id].fqn[2]) -%}
    {%- endfor -%}
    {%- do return(domains | unique | sort) -%}
{%- endmacro %}

{% macro marts_of(domain) -%}
    {%- do return(
        graph.nodes.values()
        | selectattr('resource_type', 'equalto', 'model')
        | selectattr('config.materialized', 'equalto', 'replace_slice')
        | selectattr('fqn.2', 'equalto', domain)
        | sort(attribute='name')
    ) -%}
{%- endmacro %}

{# The domain is built anew: never published, other models, another form of a mart, or `--full-refresh`. #}
{% macro is_full_rebuild() -%}
    {%- if not execute or not is_building() -%}
        {%- do return(true) -%}
    {%- endif -%}
    {%- set answer = run_query(
        "select is_full_rebuild from ops.build where domain = '" ~ model.fqn[2] ~ "'"
        ~ " and invocation_id = '" ~ invocation_id ~ "'"
    ) -%}
    {%- do return(answer.rows | length == 0 or answer.rows[0][0]) -%}
{%- endmacro %}

{#
    on-run-start. The claim takes the candidates away from a build of the same domain that is still under way: it
    ends at its next model (hold_build) and can publish nothing. It waits for a model that is being made.
#}
{% macro begin_build() -%}
    {%- if not execute or not is_building() -%}
        {%- do return('') -%}
    {%- endif -%}
    {%- set domains = built_domains() | list -%}
    {%- if domains | length > 1 -%}
        {%- do exceptions.raise_compiler_error(
            "Satu perintah membangun satu domain, karena domain lain hanya membaca mart yang sudah terbit: "
            ~ "dbt build --selector <domain>. Yang dipilih: " ~ domains | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {%- for domain in domains -%}
    {%- set version = fromjson(env_var('PENDOPO_MODELS_VERSIONS', '{}')).get(domain, '') -%}
    do $begin$
    declare
        is_full boolean;
    begin
        set local lock_timeout = 0;
        insert into ops.build as build (domain, invocation_id, models_version, is_full_rebuild)
        values ('{{ domain }}', '{{ invocation_id }}', '{{ version }}', true)
        on conflict (domain) do update set
            invocation_id = excluded.invocation_id,
            models_version = excluded.models_version,
            started_at = default;

        with expected (mart, column_name) as (
            values (null::text, null::text)
            {%- for mart in marts_of(domain) %}{% for column in mart.columns.values() %},
            ('{{ mart.name }}', '{{ column.name }}')
            {%- endfor %}{% endfor %}
        ),

        standing as (
            select relation.relname, attribute.attname
            from pg_class as relation
            inner join pg_attribute as attribute on attribute.attrelid = relation.oid
            where
                relation.relnamespace = 'marts'::regnamespace
                and relation.relkind = 'r'
                and relation.relname in (select mart from expected)
                and attribute.attnum > 0
                and not attribute.attisdropped
        )

        select
            {{ flags.FULL_REFRESH | string | lower }}
            or '{{ version }}' = ''
            or not exists (
                select from ops.run_domain where domain = '{{ domain }}' and models_version = '{{ version }}'
            )
            or exists (select * from expected where mart is not null except select * from standing)
            or exists (select * from standing except select * from expected)
        into is_full;
        update ops.build
        set
            is_full_rebuild = is_full,
            runs_seen = (
                select coalesce(jsonb_object_agg(run.domain, run.invocation_id), '{}') from ops.run_domain as run
                where run.domain <> '{{ domain }}'
            )
        where domain = '{{ domain }}';

        delete from ops.build_load where domain = '{{ domain }}';
        delete from ops.build_slice where domain = '{{ domain }}';
        delete from ops.build_source where domain = '{{ domain }}';
        insert into ops.build_load (
            domain, load_id, source_id, change_id, superseded_by_load_id, supplements_load_id
        )
        select
            '{{ domain }}', load.load_id, load.source_id, load.change_id, load.superseded_by_load_id,
            load.supplements_load_id
        from ops.load as load
        inner join ops.source as source on source.source_id = load.source_id
        where
            {%- if domain == 'supply' %}
            -- Refused files count too, of whatever domain.
            true;
            {%- else %}
            source.domain = '{{ domain }}' and load.status = 'loaded';
            {%- endif %}
        insert into ops.build_slice (domain, source_id, slice_key, load_id)
        select '{{ domain }}', slice.source_id, slice.slice_key, slice.load_id
        from ops.slice as slice
        inner join ops.source as source on source.source_id = slice.source_id
        where source.domain = '{{ domain }}';
        {%- if domain != 'shared' %}
        {%- set as_of = graph.nodes['model.' ~ project_name ~ '.int_shared__source_as_of'].relation_name %}
        -- Before the first build of the shared domain a single model can be tried, but nothing published.
        if to_regclass('{{ as_of }}') is not null then
            insert into ops.build_source (domain, source_id, data_date)
            select '{{ domain }}', as_of.source_id, as_of.data_date
            from {{ as_of }} as as_of
            inner join ops.source as source on source.source_id = as_of.source_id
            where source.domain = '{{ domain }}';
        end if;
        {%- endif %}
    end
    $begin$;
    commit;
    {%- endfor -%}
{%- endmacro %}

{#
    pre-hook of every model, in its transaction: the domain is this build's until the model stands. Without it two
    builds at once would write into one another's candidates.
#}
{% macro hold_build() -%}
    {%- if execute and is_building() -%}
    do $hold$
    begin
        perform from ops.build
        where domain = '{{ model.fqn[2] }}' and invocation_id = '{{ invocation_id }}'
        for share;
        if not found then
            raise exception 'Domain {{ model.fqn[2] }} sedang dibangun oleh proses lain yang mulai lebih akhir.';
        end if;
    end
    $hold$
    {%- endif -%}
{%- endmacro %}
