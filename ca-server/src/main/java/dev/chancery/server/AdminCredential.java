package dev.chancery.server;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.TokenAway;
import dev.chancery.server.profiles.BuiltInProfiles;
import java.time.Clock;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The credential by which the command line on this machine is let in to the admin API: a file in
 * the home that only its user can read, renewed by the server.
 */
final class AdminCredential {
  private static final Logger LOG = LoggerFactory.getLogger(AdminCredential.class);

  private final CertificateAuthority authority;
  private final IssuerId issuer;
  private final X500Name subject;
  private final Home home;
  private final Clock clock;
  private final TimeOrderedIds ids;

  AdminCredential(
      CertificateAuthority authority,
      IssuerId issuer,
      X500Name subject,
      Home home,
      Clock clock,
      TimeOrderedIds ids) {
    this.authority = authority;
    this.issuer = issuer;
    this.subject = subject;
    this.home = home;
    this.clock = clock;
    this.ids = ids;
  }

  /**
   * Makes the credential when there is none that the admin API would let in, or when two thirds of
   * its life are over.
   */
  void renewIfDue() throws ConfigurationInvalid, Refused, TokenAway {
    Optional<Credential> kept = Credential.read(home.adminCredential());
    if (kept.isPresent() && serves(kept.get())) {
      return;
    }
    Credential.issue(
            authority,
            issuer,
            BuiltInProfiles.ADMIN_CLIENT,
            subject,
            Set.of(),
            "credential of the local administrator",
            ids)
        .write(home.adminCredential());
    LOG.info("made {}", home.adminCredential());
  }

  /**
   * As {@link #renewIfDue}, when nothing has been issued here yet: a node that does not serve the
   * issuer of today does without, and tries again.
   */
  void makeAtStart() throws ConfigurationInvalid, Refused {
    try {
      renewIfDue();
    } catch (TokenAway e) {
      LOG.warn("{} is made later: {}", home.adminCredential(), e.getMessage());
    }
  }

  /** A restored database may not know it, and it may have been revoked. */
  private boolean serves(Credential kept) {
    SerialNumber serial = SerialNumber.of(kept.certificate().getSerialNumber());
    return clock.instant().isBefore(kept.renewAt())
        && authority
            .find(authority.active(issuer), serial)
            .filter(found -> found.state() == CertificateRecord.State.ISSUED)
            .filter(found -> found.profile().equals(BuiltInProfiles.ADMIN_CLIENT))
            .isPresent();
  }
}
