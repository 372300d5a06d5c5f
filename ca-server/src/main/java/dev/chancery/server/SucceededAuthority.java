package dev.chancery.server;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * The certificate authority as those see it who order: an issuer that was replaced has its
 * successor sign, chains lead to the roots of the day, and nothing is issued below a root that
 * clients are not given yet, or no more, whatever the configuration names (docs/root-rotation.md).
 */
final class SucceededAuthority implements CertificateAuthority {
  private final CertificateAuthority issuers;
  private final ServedIssuers served;
  private final TrustView view;

  /**
   * Stands before the issuers.
   *
   * @param served those that have their keys here
   */
  SucceededAuthority(CertificateAuthority issuers, ServedIssuers served, TrustView view) {
    this.issuers = issuers;
    this.served = served;
    this.view = view;
  }

  @Override
  public IssuerId active(IssuerId issuer) {
    return view.now().active(issuer);
  }

  @Override
  public IssuedCertificate issue(IssuanceRequest request) throws Refused, TokenAway {
    IssuerId active = active(request.issuer());
    if (!active.equals(request.issuer()) && !served.names().contains(active)) {
      // Another node has it: a refusal would end the order.
      throw new TokenAway(
          "issuer " + active + ", which signs for " + request.issuer() + ", is not served here");
    }
    requireInUse(active);
    return issuers.issue(request.to(active));
  }

  private void requireInUse(IssuerId issuer) throws Refused {
    Optional<X509CertificateHolder> root = served.root(issuer);
    if (root.isPresent() && !view.now().isInUse(root.get())) {
      throw new Refused(
          Reason.NOT_PERMITTED,
          "issuer %s is below the root %s, below which nothing is issued now: chancery rollover status"
              .formatted(issuer, root.get().getSubject()));
    }
  }

  @Override
  public void requirePermitted(
      IssuerId issuer,
      ProfileId profile,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter)
      throws Refused {
    IssuerId active = active(issuer);
    boolean here = served.names().contains(active);
    if (here) {
      requireInUse(active);
    }
    issuers.requirePermitted(here ? active : issuer, profile, names, notBefore, notAfter);
  }

  @Override
  public void requireUsable(SubjectPublicKey key) throws Refused {
    issuers.requireUsable(key);
  }

  @Override
  public void requireNotBlocked(SubjectPublicKey key) throws Refused {
    issuers.requireNotBlocked(key);
  }

  @Override
  public Optional<IssuedCertificate> settle(RequestId request) {
    return issuers.settle(request);
  }

  @Override
  public Optional<IssuedCertificate> issued(RequestId request) {
    return issuers.issued(request);
  }

  @Override
  public void revoke(Revocation revocation) throws Refused {
    issuers.revoke(revocation);
  }

  @Override
  public Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial) {
    return issuers.find(issuer, serial);
  }

  @Override
  public List<List<Der>> chains(IssuerId issuer) throws Refused {
    return view.now().chains(issuers.chains(issuer));
  }
}
