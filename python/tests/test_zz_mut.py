import dataclasses, pytest, re
import test_incremental as t
from test_incremental import runs, Runs
def mutated(runs, name, select=lambda s:s, merge=lambda s:s):
    inc=dict(runs.incremental); s,m=inc[name]; s2,m2=select(s),merge(m); assert (s2,m2)!=(s,m); inc[name]=(s2,m2)
    return dataclasses.replace(runs, incremental=inc)
MUT={
 'sign': ('int_opportunities__versioned',dict(select=lambda s:s.replace('having sum(fingerprint) <> 0','having sum(fingerprint) > 0'))),
 'no tombstone skip':('int_opportunities__versioned',dict(merge=lambda s:s.replace('where fingerprint is not null',''))),
 'no delete':('crm_opportunities',dict(merge=lambda s:s[s.index('insert'):])),
 'hash blind':('crm_opportunities',dict(select=lambda s:re.sub(r'hash\(unioned,','hash(unioned.opportunity_key, unioned.loaded_at,',s))),
 'hash blind states':('int_opportunities__versioned',dict(select=lambda s:re.sub(r'hash\(states,','hash(states.opportunity_key, states.change_id, states.stage_number, states.changed_at,',s))),
 'inner join':('crm_leads',dict(select=lambda s:s.replace('left join landed using','inner join landed using'))),
}
@pytest.mark.parametrize('m',MUT)
def test_m(runs,m):
    name,kw=MUT[m]
    try: t.test_any_order_of_loads_gives_what_a_full_refresh_gives(mutated(runs,name,**kw))
    except BaseException as e: print(m,'CAUGHT',type(e).__name__); return
    print(m,'SURVIVED')
