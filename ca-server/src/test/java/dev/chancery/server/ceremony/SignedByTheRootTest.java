package dev.chancery.server.ceremony;

import dev.chancery.core.SignatureValue;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1Enumerated;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.CRLNumber;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.IssuingDistributionPoint;
import org.bouncycastle.asn1.x509.TBSCertList;
import org.bouncycastle.asn1.x509.TBSCertificate;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.asn1.x509.V2TBSCertListGenerator;
import org.bouncycastle.asn1.x509.V3TBSCertificateGenerator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tampering to which the witnesses agree, and for which the root's key is used as well. */
@DisplayName("The verification of what the root has signed against the plan")
class SignedByTheRootTest extends FinishedCeremony {
  /** The root's key has signed something else than the plan says, and all witnesses agree. */
  static List<Case> lies() {
    List<Case> cases = new ArrayList<>();
    cases.add(
        certificate(
            "the end of a CA",
            "web: does not end when the plan says",
            (tbs, web) ->
                web.setEndDate(new Time(Date.from(Instant.parse("2031-01-02T00:00:00Z"))))));
    cases.add(
        certificate(
            "the begin of the root",
            "root: does not begin when it was signed",
            CeremonyPlan.ROOT,
            (tbs, root) ->
                root.setStartDate(new Time(Date.from(Instant.parse("2026-05-31T12:00:00Z"))))));
    cases.add(
        certificate(
            "a CA that begins after it was signed",
            "web: does not begin when it was signed",
            (tbs, web) ->
                web.setStartDate(new Time(Date.from(Instant.parse("2026-06-01T12:00:01Z"))))));
    cases.add(
        certificate(
            "the name of a CA",
            "web: ",
            (tbs, web) -> web.setSubject(new X500Name("O=Tests,CN=Other CA"))));
    cases.add(
        certificate(
            "the constraints of a CA",
            "web: ",
            (tbs, web) ->
                web.setExtensions(without(tbs.getExtensions(), Extension.nameConstraints))));
    cases.add(
        certificate(
            "a serial number",
            "web: not the serial number that was written down",
            (tbs, web) -> web.setSerialNumber(new ASN1Integer(4711))));
    cases.add(
        list(
            "another CRL's issuer",
            "crl: not the root's",
            (tbs, crl) -> crl.setIssuer(new X500Name("O=Tests,CN=Other Root"))));
    cases.add(
        list(
            "a CRL without an end",
            "crl: has no extensions or no end",
            (tbs, crl) -> crl.setNextUpdate((Time) null)));
    cases.add(
        list(
            "a longer CRL",
            "crl: not as long as the plan says",
            (tbs, crl) ->
                crl.setNextUpdate(new Time(Date.from(Instant.parse("2028-01-01T00:00:00Z"))))));
    cases.add(
        list(
            "a CRL of another time",
            "crl: was not made in the time of the plan",
            (tbs, crl) ->
                crl.setThisUpdate(new Time(Date.from(Instant.parse("2025-01-01T00:00:00Z"))))));
    cases.add(
        list(
            "a CRL of another day",
            "crl: does not begin when it was signed",
            (tbs, crl) ->
                crl.setThisUpdate(new Time(Date.from(Instant.parse("2026-06-02T12:00:00Z"))))));
    cases.add(
        list(
            "a CRL without the root's key identifier",
            "crl: not with the key identifier of the root",
            (tbs, crl) ->
                crl.setExtensions(without(tbs.getExtensions(), Extension.authorityKeyIdentifier))));
    cases.add(
        list(
            "a CRL of a part",
            "crl: is not of all that the root has signed",
            (tbs, crl) ->
                crl.setExtensions(
                    with(
                        tbs.getExtensions(),
                        new Extension(
                            Extension.issuingDistributionPoint,
                            true,
                            new IssuingDistributionPoint(null, true, false).getEncoded("DER"))))));
    cases.add(
        list(
            "another CRL number",
            "crl: not the number of the plan",
            (tbs, crl) ->
                crl.setExtensions(
                    with(
                        without(tbs.getExtensions(), Extension.cRLNumber),
                        new Extension(
                            Extension.cRLNumber,
                            false,
                            new CRLNumber(BigInteger.valueOf(70)).getEncoded("DER"))))));
    cases.add(
        entries(
            "a CRL that revokes nothing",
            "crl: not as many entries as there should be",
            List.of()));
    cases.add(
        entries(
            "a CRL that revokes one more",
            "crl: not as many entries as there should be",
            List.of(
                new Revoked("0a0b", "2026-01-02T00:00:00Z", CRLReason.superseded),
                new Revoked("0a0c", "2026-01-02T00:00:00Z", CRLReason.superseded))));
    for (Revoked other :
        List.of(
            new Revoked("0a0c", "2026-01-02T00:00:00Z", CRLReason.superseded),
            new Revoked("0a0b", "2026-01-03T00:00:00Z", CRLReason.superseded),
            new Revoked("0a0b", "2026-01-02T00:00:00Z", CRLReason.removeFromCRL))) {
      cases.add(
          entries(
              "a CRL with " + other,
              "crl: an entry is not one that there should be",
              List.of(other)));
    }
    cases.add(
        resigned(
            "a CRL with a reason beyond all numbers",
            "the transcript holds something malformed",
            "crl",
            octets -> {
              V2TBSCertListGenerator crl = copied(TBSCertList.getInstance(octets));
              crl.addCRLEntry(
                  new ASN1Integer(0x0a0b),
                  new Time(Date.from(Instant.parse("2026-01-02T00:00:00Z"))),
                  new Extensions(
                      new Extension(
                          Extension.reasonCode,
                          false,
                          new ASN1Enumerated(BigInteger.ONE.shiftLeft(40)).getEncoded("DER"))));
              return crl.generateTBSCertList().getEncoded("DER");
            }));
    return cases;
  }

  @ParameterizedTest
  @MethodSource("lies")
  @DisplayName("finds")
  void tampered(Case each) throws Exception {
    requireFound(each);
  }

  private record Revoked(String serial, String at, int reason) {}

  private interface Change<T, B> {
    void make(T before, B builder) throws IOException;
  }

  private static Case certificate(
      String name, String reason, Change<TBSCertificate, V3TBSCertificateGenerator> change) {
    return certificate(name, reason, "web", change);
  }

  private static Case certificate(
      String name,
      String reason,
      String item,
      Change<TBSCertificate, V3TBSCertificateGenerator> change) {
    return resigned(
        name,
        reason,
        item,
        octets -> {
          TBSCertificate before = TBSCertificate.getInstance(octets);
          V3TBSCertificateGenerator web = new V3TBSCertificateGenerator();
          web.setSerialNumber(before.getSerialNumber());
          web.setSignature(before.getSignature());
          web.setIssuer(before.getIssuer());
          web.setStartDate(before.getStartDate());
          web.setEndDate(before.getEndDate());
          web.setSubject(before.getSubject());
          web.setSubjectPublicKeyInfo(before.getSubjectPublicKeyInfo());
          web.setExtensions(before.getExtensions());
          change.make(before, web);
          return web.generateTBSCertificate().getEncoded("DER");
        });
  }

  private static Case list(
      String name, String reason, Change<TBSCertList, V2TBSCertListGenerator> change) {
    return resigned(
        name,
        reason,
        "crl",
        octets -> {
          TBSCertList before = TBSCertList.getInstance(octets);
          V2TBSCertListGenerator crl = copied(before);
          for (TBSCertList.CRLEntry entry : before.getRevokedCertificates()) {
            crl.addCRLEntry(ASN1Sequence.getInstance(entry.toASN1Primitive()));
          }
          change.make(before, crl);
          return crl.generateTBSCertList().getEncoded("DER");
        });
  }

  private static Case entries(String name, String reason, List<Revoked> entries) {
    return resigned(
        name,
        reason,
        "crl",
        octets -> {
          V2TBSCertListGenerator crl = copied(TBSCertList.getInstance(octets));
          for (Revoked entry : entries) {
            crl.addCRLEntry(
                new ASN1Integer(new BigInteger(entry.serial(), 16)),
                new Time(Date.from(Instant.parse(entry.at()))),
                entry.reason());
          }
          return crl.generateTBSCertList().getEncoded("DER");
        });
  }

  private static V2TBSCertListGenerator copied(TBSCertList before) {
    V2TBSCertListGenerator crl = new V2TBSCertListGenerator();
    crl.setSignature(before.getSignature());
    crl.setIssuer(before.getIssuer());
    crl.setThisUpdate(before.getThisUpdate());
    crl.setNextUpdate(before.getNextUpdate());
    crl.setExtensions(before.getExtensions());
    return crl;
  }

  private static Extensions without(Extensions extensions, ASN1ObjectIdentifier left) {
    return new Extensions(
        Stream.of(extensions.getExtensionOIDs())
            .filter(each -> !each.equals(left))
            .map(extensions::getExtension)
            .toArray(Extension[]::new));
  }

  private static Extensions with(Extensions extensions, Extension more) {
    return new Extensions(
        Stream.concat(
                Stream.of(extensions.getExtensionOIDs()).map(extensions::getExtension),
                Stream.of(more))
            .toArray(Extension[]::new));
  }

  private interface Octets {
    byte[] changed(byte[] before) throws IOException;
  }

  /** An item with other octets, which the root's key has signed as well. */
  private static Case resigned(String name, String reason, String item, Octets change) {
    return new Case(
        "by the root's key, " + name,
        out -> {
          TranscriptEntry.Signing before =
              TranscriptState.of(Files.readAllBytes(out.resolve("transcript.jsonl")))
                  .signing(item)
                  .orElseThrow();
          byte[] changed = change.changed(Base64.getDecoder().decode(before.toBeSigned()));
          TranscriptEntry.Signing signing =
              new TranscriptEntry.Signing(
                  item,
                  before.kind(),
                  before.number(),
                  before.mechanism(),
                  Base64.getEncoder().encodeToString(changed),
                  Digests.sha256(changed));
          SignatureValue signature = SignatureValue.of(scene.signature("token", changed));
          String whole = Digests.sha256(Results.toBeSigned(signing).with(signature).bytes());
          rewrite(
              out,
              entry ->
                  switch (entry) {
                    case TranscriptEntry.Signing s when s.item().equals(item) -> signing;
                    case TranscriptEntry.Signed s when s.item().equals(item) ->
                        new TranscriptEntry.Signed(
                            item,
                            Base64.getEncoder().encodeToString(signature.octets()),
                            s.file(),
                            whole);
                    default -> entry;
                  },
              time -> time);
        },
        reason);
  }
}
