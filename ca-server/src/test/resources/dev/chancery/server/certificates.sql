-- Certificates with made-up content, numbers {first} to {last}. Their serial numbers are in order of
-- time, as real ones are.
with generated as (
  select decode('0190' || lpad(to_hex(n), 8, '0') || substr(md5(n::text), 1, 20), 'hex') serial,
    n
  from generate_series({first}, {last}) n
)
insert into certificates (issuer, serial, state, profile, request_id, public_key_sha256, not_before,
  not_after, recorded_at, completed_at, tbs, signature_scheme, signature)
select 'bench', serial, 'issued', 'tls-server', gen_random_uuid(), sha256(serial),
  now() - interval '1 day', now() + interval '89 days', now() - interval '1 day', now(),
  decode(repeat('00', 600), 'hex'), 'ECDSA_SHA256', decode(repeat('00', 71), 'hex')
from generated;
