package dev.chancery.server.ceremony;

import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.KeyId;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.x500.AttributeTypeAndValue;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.cert.X509CertificateHolder;

/** What tells the things of a rehearsal from real ones. */
final class Rehearsal {
  /**
   * The token that is thrown away.
   *
   * @param planned the one that it stands in for
   */
  private static CeremonyPlan.TokenPart token(CeremonyPlan.TokenPart planned) {
    return new CeremonyPlan.TokenPart("REHEARSAL", Optional.empty(), true, planned.marked());
  }

  private static final int LONGEST_COMMON_NAME = 64;

  private Rehearsal() {}

  /**
   * The root that stands in for an earlier one, whose key is not at hand: what that would not
   * certify this one does not either.
   *
   * @throws Refused when that has a key of a kind that no root has here
   */
  static CeremonyPlan.NewRoot root(KeyId keyId, X509CertificateHolder earlier) throws Refused {
    return new CeremonyPlan.NewRoot(
        keyId,
        SubjectPublicKey.of(earlier.getSubjectPublicKeyInfo()).algorithm(),
        marked(earlier.getSubject()),
        earlier.getNotAfter().toInstant(),
        Keys.pathLength(earlier),
        Keys.nameConstraints(earlier));
  }

  /**
   * A plan as it was rehearsed: with the root that stands in for an earlier one, with the token
   * that is thrown away, and at its own time.
   *
   * @param begun when the rehearsal began, which may be before the plan
   * @throws Refused as for the root
   */
  static CeremonyPlan plan(
      CeremonyPlan plan, Optional<X509CertificateHolder> earlier, Instant begun) throws Refused {
    return new CeremonyPlan(
        plan.name(),
        begun.truncatedTo(ChronoUnit.SECONDS),
        plan.until(),
        plan.offline(),
        plan.witnesses(),
        token(plan.token()),
        earlier.isPresent() ? root(plan.root().keyId(), earlier.get()) : plan.root(),
        plan.urls(),
        plan.intermediates(),
        plan.crossCertificates(),
        plan.ocspSigner(),
        plan.crl());
  }

  /** A key with its name marked. */
  static Keys.Subject marked(Keys.Subject subject) {
    return new Keys.Subject(marked(subject.name()), subject.key(), subject.nameConstraints());
  }

  /** A name that begins its common name with REHEARSAL, if it does not yet. */
  static X500Name marked(X500Name name) {
    List<RDN> marked = new ArrayList<>();
    boolean named = false;
    for (RDN rdn : name.getRDNs()) {
      AttributeTypeAndValue first = rdn.getFirst();
      if (first.getType().equals(BCStyle.CN) && first.getValue() instanceof ASN1String text) {
        named = true;
        marked.add(commonName(text.getString()));
      } else {
        marked.add(rdn);
      }
    }
    if (!named) {
      marked.add(commonName(""));
    }
    return new X500Name(marked.toArray(RDN[]::new));
  }

  private static RDN commonName(String text) {
    String marked = text.startsWith(PlanFile.REHEARSAL) ? text : PlanFile.REHEARSAL + text;
    String common = marked.substring(0, Math.min(LONGEST_COMMON_NAME, marked.length())).strip();
    return new RDN(BCStyle.CN, new DERUTF8String(common));
  }
}
