package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(value = DatabaseKind.class, names = "POSTGRESQL")
@DisplayName("The revocations of a CRL among those of expired certificates")
final class LiveRevocationsTest extends LedgerContract {
  @Test
  @DisplayName("are read without reading the others")
  void history() {
    database
        .sql()
        .execute(
            """
            insert into certificates (issuer, serial, state, profile, request_id,
              public_key_sha256, not_before, not_after, recorded_at, tbs, signature_scheme)
            select ?, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'revoked', 'test',
              gen_random_uuid(), '\\x00', now(), now() + (n - 40000) * interval '1 minute',
              now(), '\\x3000', 'ECDSA_SHA256'
            from generate_series(1, 40100) n
            """,
            Certificates.ISSUER.value());
    database
        .sql()
        .execute(
            """
            insert into revocations (issuer, serial, revoked_at, recorded_at, reason, not_after,
              requested_by)
            select issuer, serial, now(), now(), 4, not_after, 'test' from certificates
            """);
    database.sql().execute("analyze revocations");
    StringBuilder plan = new StringBuilder();
    database
        .sql()
        .fetch(
            """
            explain analyze select serial, revoked_at, reason, invalidity_date from revocations
            where issuer = ? and crl_shard = 0 and not_after > now() order by serial
            """,
            Certificates.ISSUER.value())
        .forEach(row -> plan.append(row.get(0)).append('\n'));
    assertThat(plan.toString())
        .contains("revocations_live_ix")
        .doesNotContain("Rows Removed by Filter");
  }
}
