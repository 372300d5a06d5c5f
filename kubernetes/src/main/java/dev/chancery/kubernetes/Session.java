package dev.chancery.kubernetes;

import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * Who makes a request, as their token says.
 *
 * @param token names the token without giving it away
 * @param who what stands in the audit trail
 * @param credential when the token is a static one, which
 * @param expires empty when it does not
 */
record Session(
    UUID token,
    RoleId role,
    String who,
    Optional<CredentialId> credential,
    Instant created,
    Optional<Instant> expires) {}
