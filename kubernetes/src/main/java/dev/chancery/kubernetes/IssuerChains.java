package dev.chancery.kubernetes;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;

/**
 * The one line from an issuer's certificate up to its root. Clients build one chain of all that
 * they are given, and fail on a certificate that does not belong in it.
 */
final class IssuerChains {
  private final CertificateAuthority authority;
  private final List<Der> roots;

  IssuerChains(CertificateAuthority authority, List<Der> roots) {
    this.authority = authority;
    this.roots = List.copyOf(roots);
  }

  /**
   * From the issuer's own certificate to the root, that included.
   *
   * @throws Refused when there is no such issuer
   */
  List<Der> of(IssuerId issuer) throws Refused {
    List<Der> chain = new ArrayList<>(authority.chains(issuer).getFirst());
    rootAbove(chain.getLast()).ifPresent(chain::add);
    return chain;
  }

  /** When the issuer's own certificate ends. */
  Instant end(IssuerId issuer) throws Refused {
    return decoded(authority.chains(issuer).getFirst().getFirst()).getNotAfter().toInstant();
  }

  private Optional<Der> rootAbove(Der top) {
    X509CertificateHolder below = decoded(top);
    return roots.stream()
        .filter(root -> !root.equals(top))
        .filter(root -> isSigned(below, decoded(root)))
        .findFirst();
  }

  private static boolean isSigned(X509CertificateHolder below, X509CertificateHolder above) {
    if (!below.getIssuer().equals(above.getSubject())) {
      return false;
    }
    try {
      return below.isSignatureValid(
          new JcaContentVerifierProviderBuilder()
              .setProvider(BouncyCastle.PROVIDER)
              .build(SubjectPublicKey.of(above.getSubjectPublicKeyInfo()).key()));
    } catch (Refused | CertException | OperatorCreationException e) {
      return false;
    }
  }

  private static X509CertificateHolder decoded(Der certificate) {
    try {
      return new X509CertificateHolder(certificate.bytes());
    } catch (IOException e) {
      throw new IllegalStateException("a chain holds something else than certificates", e);
    }
  }
}
