package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.SignatureValue;
import dev.chancery.server.ConfigurationInvalid;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tampering with a finished ceremony, in three strengths: a file is changed; its manifest is made
 * and signed anew as well; or as many witnesses as it takes sign a transcript that lies.
 */
@DisplayName("The verification of a ceremony")
class VerificationTest {
  @TempDir static Path folder;
  private static CeremonyScene scene;
  private static Path original;
  private static int copies;

  private Path copy;

  @BeforeAll
  static void hold() throws Exception {
    scene = new CeremonyScene(folder);
    scene.rehearse();
    scene.prepare();
    original = folder.resolve("out");
    scene
        .ceremony(original, "token", true, scene.typing(CeremonyScene.ITEMS), Folder::append)
        .run();
    scene.close(original);
  }

  @AfterAll
  static void restore() throws Exception {
    scene.restore();
  }

  @BeforeEach
  void copy() throws IOException {
    copies++;
    copy = Files.createDirectories(folder.resolve("copy-" + copies));
    try (Stream<Path> files = Files.list(original)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
  }

  interface Tampering {
    void with(Path directory) throws Exception;
  }

  /**
   * @param reason what the refusal says
   */
  record Case(String name, Tampering tampering, String reason) {
    @Override
    public String toString() {
      return name;
    }
  }

  @Test
  @DisplayName("finds nothing wrong with one that was left alone")
  void untouched() throws Exception {
    Verification.Verified verified = Verification.verify(new Folder(copy), true);

    assertThat(verified.state().made()).isEqualTo(CeremonyScene.ITEMS);
    assertThat(verified.planDigest()).isEqualTo(scene.digest());
    assertThat(verified.root().orElseThrow().getSubject()).hasToString("O=Tests,CN=Test Root");
  }

  private static Set<String> files() throws IOException {
    try (Stream<Path> files = Files.list(original)) {
      return files
          .map(file -> file.getFileName().toString())
          .collect(java.util.stream.Collectors.toCollection(java.util.TreeSet::new));
    }
  }

  /** A byte of each file, each file away: the manifest and its signature tell. */
  static List<Case> simple() throws IOException {
    List<Case> cases = new ArrayList<>();
    for (String file : files()) {
      cases.add(
          new Case(
              "a byte in the middle of " + file, out -> flip(out.resolve(file)), changed(file)));
      cases.add(
          new Case(
              file + " is away",
              out -> Files.delete(out.resolve(file)),
              file.startsWith("MANIFEST.")
                  ? "MANIFEST is signed by 0 of 3 witnesses"
                  : file + ": there is no such file"));
    }
    return cases;
  }

  private static String changed(String file) {
    return file.startsWith("MANIFEST")
        ? "MANIFEST.bert.sig: not the signature of witness bert over MANIFEST"
        : file + ": not the file of the manifest";
  }

  /** What is wrong with a file when its manifest is right. */
  private static String changedAndResigned(String file) {
    if (file.endsWith(".sig")) {
      String signed = file.replaceFirst("\\.[a-z]+\\.sig$", "");
      String witness = file.replaceFirst(".*\\.([a-z]+)\\.sig$", "$1");
      return "%s: not the signature of witness %s over %s".formatted(file, witness, signed);
    }
    return switch (file) {
      case "plan.yaml" -> "plan.yaml.anna.sig: not the signature of witness anna over plan.yaml";
      case "transcript.jsonl", "rehearsal.jsonl" -> " of the transcript: ";
      case "transcript.txt" -> "transcript.txt: not the page of this transcript";
      case "old.pem", "web.csr", "ocsp.csr" -> file + ": has SHA-256 ";
      default -> file + ": not what was signed";
    };
  }

  private static String awayAndResigned(String file) {
    return file.endsWith(".sig")
        ? file.replaceFirst("\\.[a-z]+\\.sig$", "") + " is signed by 1 of 3 witnesses"
        : file + " is not in the manifest, so it is not read";
  }

  /** The same with a manifest that fits again and is signed by a real witness. */
  static List<Case> resigned() throws IOException {
    List<Case> cases = new ArrayList<>();
    for (String file : files()) {
      if (!file.startsWith("MANIFEST")) {
        cases.add(
            new Case(
                "a byte in the middle of " + file + ", manifest signed anew",
                out -> {
                  flip(out.resolve(file));
                  manifest(out);
                },
                changedAndResigned(file)));
        cases.add(
            new Case(
                file + " is away, manifest signed anew",
                out -> {
                  Files.delete(out.resolve(file));
                  manifest(out);
                },
                awayAndResigned(file)));
      }
    }
    cases.add(
        lines(
            "a line is dropped",
            "line 6 of the transcript: it calls itself line 7",
            lines -> without(lines, 5)));
    cases.add(
        lines(
            "the last line is dropped",
            "the ceremony did not come to its end",
            lines -> lines.subList(0, lines.size() - 1)));
    cases.add(
        lines(
            "the first line is dropped",
            "line 1 of the transcript: it calls itself line 2",
            lines -> lines.subList(1, lines.size())));
    cases.add(
        lines(
            "two lines change places",
            "line 7 of the transcript: it calls itself line 8",
            lines -> swapped(lines, 6, 7)));
    cases.add(
        lines(
            "a line stands there twice",
            "line 6 of the transcript: it calls itself line 5",
            lines -> doubled(lines, 4)));
    cases.add(
        lines(
            "a line is empty",
            " of the transcript: not an object of JSON",
            lines -> Stream.concat(lines.stream(), Stream.of("")).toList()));
    cases.add(
        lines(
            "a blank is added",
            "line 4 of the transcript: not written as this program writes it",
            lines -> edited(lines, 3, line -> line.replace("\":", "\": "))));
    cases.add(
        lines(
            "a time is changed",
            "line 4 of the transcript: its time 2025-",
            lines -> edited(lines, 3, line -> line.replace("2026", "2025"))));
    cases.add(
        new Case(
            "a transcript of the real one in place of the rehearsal's",
            out -> {
              Files.copy(
                  out.resolve("transcript.jsonl"),
                  out.resolve("rehearsal.jsonl"),
                  StandardCopyOption.REPLACE_EXISTING);
              manifest(out);
            },
            "not a rehearsal that came to its end"));
    cases.add(
        new Case(
            "the signature of a witness under the name of another",
            out -> {
              Files.move(
                  out.resolve("transcript.jsonl.anna.sig"),
                  out.resolve("transcript.jsonl.bert.sig"));
              manifest(out);
            },
            "transcript.jsonl.bert.sig: not the signature of witness bert over transcript.jsonl"));
    cases.add(
        new Case(
            "the signature of a witness over the plan, as over the transcript",
            out -> {
              Files.copy(
                  out.resolve("plan.yaml.anna.sig"),
                  out.resolve("transcript.jsonl.anna.sig"),
                  StandardCopyOption.REPLACE_EXISTING);
              manifest(out);
            },
            "transcript.jsonl.anna.sig: not the signature of witness anna over transcript.jsonl"));
    cases.add(
        new Case(
            "a witness who is none",
            out -> {
              scene.key("dora");
              scene.signAs(out, "transcript.jsonl", "dora", "anna", "chancery-transcript");
              manifest(out);
            },
            "transcript.jsonl.anna.sig: not the signature of witness anna over transcript.jsonl"));
    cases.add(
        new Case(
            "another plan, signed by its witnesses",
            out -> {
              Path plan = out.resolve("plan.yaml");
              Files.writeString(plan, Files.readString(plan).replace("number: 7", "number: 8"));
              scene.sign(out, "plan.yaml", "anna", Witnesses.Purpose.PLAN);
              scene.sign(out, "plan.yaml", "bert", Witnesses.Purpose.PLAN);
              manifest(out);
            },
            "the transcript is of another plan"));
    return cases;
  }

  /** A transcript that is chained anew and signed by the witnesses: what it says is checked. */
  static List<Case> collusion() {
    List<Case> cases = new ArrayList<>();
    cases.add(
        lie(
            "another token",
            "the token was \"other\" with serial number",
            entry ->
                entry instanceof TranscriptEntry.Opened token
                    ? new TranscriptEntry.Opened(
                        "other", token.serial(), token.manufacturer(), token.model(), "")
                    : entry));
    cases.add(
        lie(
            "a token of another serial number",
            "the token has serial number 0123456789abcdef, not ",
            entry ->
                entry instanceof TranscriptEntry.Opened token
                    ? new TranscriptEntry.Opened(
                        token.label(),
                        "0123456789abcdef",
                        token.manufacturer(),
                        token.model(),
                        token.firmwareVersion())
                    : entry));
    cases.add(
        lie(
            "a mark for another plan",
            "the token is marked again, or for another plan",
            entry ->
                entry instanceof TranscriptEntry.Marking mark
                    ? new TranscriptEntry.Marking("0".repeat(64), mark.transcript())
                    : entry));
    cases.add(
        lie(
            "the mark of another transcript",
            "the mark in the token is not the one that was to be made",
            entry ->
                entry instanceof TranscriptEntry.Marked mark
                    ? new TranscriptEntry.Marked(mark.plan(), "0".repeat(32))
                    : entry));
    cases.add(
        without(
            "a mark that was to be made",
            "the token was not marked before it was used",
            entry -> entry instanceof TranscriptEntry.Marked));
    cases.add(
        without(
            "a mark",
            "the token was not marked before it was used",
            entry ->
                entry instanceof TranscriptEntry.Marking
                    || entry instanceof TranscriptEntry.Marked));
    cases.add(
        new Case(
            "a token that bears no mark, against the plan",
            out ->
                rewrite(
                    scene,
                    out,
                    entry ->
                        switch (entry) {
                          case TranscriptEntry.Marking mark ->
                              Optional.of(new TranscriptEntry.Unmarked(mark.plan()));
                          case TranscriptEntry.Marked _ -> Optional.empty();
                          default -> Optional.of(entry);
                        },
                    time -> time),
            "the token was marked against the plan, or not"));
    cases.add(
        lie(
            "another key",
            "the root has not the key that was made",
            entry ->
                entry instanceof TranscriptEntry.Generated key
                    ? new TranscriptEntry.Generated(key.keyId(), key.algorithm(), "AAAA")
                    : entry));
    cases.add(
        lie(
            "another plan's digest",
            "the transcript is of another plan",
            entry ->
                switch (entry) {
                  case TranscriptEntry.Begun begun ->
                      begun(begun, begun.mode(), "0".repeat(64), begun.inputs());
                  case TranscriptEntry.Marking mark ->
                      new TranscriptEntry.Marking("0".repeat(64), mark.transcript());
                  case TranscriptEntry.Marked mark ->
                      new TranscriptEntry.Marked("0".repeat(64), mark.transcript());
                  default -> entry;
                }));
    cases.add(
        lie(
            "a rehearsal passed off as real",
            "this is a rehearsal",
            entry ->
                entry instanceof TranscriptEntry.Begun begun
                    ? begun(begun, "rehearsal", begun.plan(), begun.inputs())
                    : entry));
    cases.add(
        lie(
            "no rehearsal",
            "not the transcript of the rehearsal that was shown",
            entry ->
                entry instanceof TranscriptEntry.Approved approved
                    ? new TranscriptEntry.Approved(approved.plan(), "")
                    : entry));
    cases.add(
        lie(
            "another request",
            "the transcript has not the inputs of the plan",
            entry ->
                entry instanceof TranscriptEntry.Begun begun
                    ? begun(begun, begun.mode(), begun.plan(), with(begun.inputs(), "web.csr"))
                    : entry));
    cases.add(
        lie(
            "fewer witnesses",
            "the token was used without the witnesses' approval",
            entry ->
                entry instanceof TranscriptEntry.Witnessed checked
                    ? new TranscriptEntry.Witnessed(checked.plan(), List.of("anna"))
                    : entry));
    cases.add(
        lie(
            "an approval of another plan",
            "the token was used without the witnesses' approval",
            entry ->
                entry instanceof TranscriptEntry.Approved approved
                    ? new TranscriptEntry.Approved("0".repeat(64), approved.rehearsal())
                    : entry));
    for (String item : CeremonyScene.ITEMS) {
      cases.add(
          lie(
              "a byte of what was signed for " + item,
              item + ": the root did not sign it",
              entry -> changed(entry, item, "Tests", "Tasts")));
      cases.add(
          lie(
              "a byte of the signature of " + item,
              item + ": the root did not sign it",
              entry ->
                  entry instanceof TranscriptEntry.Signed signed && signed.item().equals(item)
                      ? new TranscriptEntry.Signed(
                          item, flipped(signed.signature()), signed.file(), signed.digest())
                      : entry));
      cases.add(
          lie(
              "the digest of " + item,
              item + ": the digest of what was signed is wrong",
              entry ->
                  entry instanceof TranscriptEntry.Signed signed && signed.item().equals(item)
                      ? new TranscriptEntry.Signed(
                          item, signed.signature(), signed.file(), "0".repeat(64))
                      : entry));
      cases.add(
          lie(
              "the file of " + item,
              item + ": not the file's name",
              entry ->
                  entry instanceof TranscriptEntry.Signed signed && signed.item().equals(item)
                      ? new TranscriptEntry.Signed(
                          item, signed.signature(), "plan.yaml", signed.digest())
                      : entry));
    }
    cases.add(
        lie(
            "another serial number",
            "web: not the serial number that was written down",
            entry ->
                entry instanceof TranscriptEntry.Signing signing && signing.item().equals("web")
                    ? new TranscriptEntry.Signing(
                        "web",
                        signing.kind(),
                        "01",
                        signing.mechanism(),
                        signing.toBeSigned(),
                        signing.digest())
                    : entry));
    cases.add(
        new Case(
            "a signature outside the time of the plan",
            out -> rewrite(out, line -> line, line -> line.plusSeconds(400L * 86400)),
            "something was signed outside the time of the plan"));
    cases.add(
        new Case(
            "an item that the plan does not have",
            out ->
                rewrite(
                    out,
                    entry ->
                        switch (entry) {
                          case TranscriptEntry.Signing s when s.item().equals("web") ->
                              new TranscriptEntry.Signing(
                                  "www",
                                  s.kind(),
                                  s.number(),
                                  s.mechanism(),
                                  s.toBeSigned(),
                                  s.digest());
                          case TranscriptEntry.Signed s when s.item().equals("web") ->
                              new TranscriptEntry.Signed(
                                  "www", s.signature(), "www.pem", s.digest());
                          case TranscriptEntry.Completed c ->
                              new TranscriptEntry.Completed(
                                  c.made().stream().map(i -> i.equals("web") ? "www" : i).toList(),
                                  c.abandoned());
                          default -> entry;
                        },
                    time -> time),
            "www was signed, and the plan has no such item"));
    cases.add(
        lie(
            "another program than in the rehearsal",
            "another distribution was run than in the rehearsal",
            entry ->
                entry instanceof TranscriptEntry.Begun begun
                    ? new TranscriptEntry.Begun(
                        begun.ceremony(),
                        begun.mode(),
                        begun.plan(),
                        begun.tool(),
                        "0".repeat(64),
                        begun.inputs(),
                        List.of("eth0"))
                    : entry));
    cases.add(
        lie(
            "a token that was there",
            "no token was to be initialized, or not this one",
            entry ->
                entry instanceof TranscriptEntry.Initializing token
                    ? new TranscriptEntry.Initializing(token.label(), List.of(serial()))
                    : entry));
    return cases;
  }

  private static String serial() {
    try {
      return TranscriptState.of(Files.readAllBytes(original.resolve("transcript.jsonl")))
          .tokenSerial()
          .orElseThrow();
    } catch (IOException | CeremonyRefused e) {
      throw new IllegalStateException(e);
    }
  }

  /** The root's key has signed something else than the plan says, and all witnesses agree. */
  static List<Case> signedByTheRoot() {
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

  static Stream<Case> all() throws IOException {
    return Stream.of(simple(), resigned(), collusion(), signedByTheRoot()).flatMap(List::stream);
  }

  @ParameterizedTest
  @MethodSource("all")
  @DisplayName("finds")
  void tampered(Case each) throws Exception {
    each.tampering().with(copy);

    assertThatThrownBy(() -> Verification.verify(new Folder(copy), true))
        .isInstanceOfAny(CeremonyRefused.class, ConfigurationInvalid.class)
        .hasMessageContaining(each.reason());
  }

  @Test
  @DisplayName("finds a network on the machine, when the plan wants none")
  void network() throws Exception {
    CeremonyScene offline = new CeremonyScene(folder.resolve("offline"));
    offline.plan(CeremonyScene.PLAN.replace("offline: false", "offline: true"));
    offline.rehearse();
    offline.prepare();
    Path out = offline.hold("out", "token", CeremonyScene.ITEMS);
    Verification.verify(new Folder(out), true);

    rewrite(
        offline,
        out,
        entry ->
            Optional.of(
                entry instanceof TranscriptEntry.Begun begun
                    ? new TranscriptEntry.Begun(
                        begun.ceremony(),
                        begun.mode(),
                        begun.plan(),
                        begun.tool(),
                        begun.distribution(),
                        begun.inputs(),
                        List.of("eth0"))
                    : entry),
        time -> time);
    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining("the machine had a network, at line ");
  }

  @Test
  @DisplayName("holds what was given up against the plan too, since the root may have signed it")
  void givenUp() throws Exception {
    CeremonyScene ended = new CeremonyScene(folder.resolve("ended"));
    ended.rehearse();
    ended.prepare();
    Path out = ended.holdGivingUp(List.of("web", "crl"), "out", "token", CeremonyScene.ITEMS);
    assertThat(Verification.verify(new Folder(out), true).state().abandoned())
        .containsExactly("web", "crl");
    Path before = Files.copy(out.resolve("transcript.jsonl"), folder.resolve("given-up.jsonl"));

    rewrite(
        ended, out, entry -> Optional.of(changed(entry, "web", "Web CA", "Wab CA")), time -> time);
    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining("web: ");

    Files.copy(before, out.resolve("transcript.jsonl"), StandardCopyOption.REPLACE_EXISTING);
    rewrite(
        ended,
        out,
        entry -> Optional.of(changed(entry, "crl", "Test Root", "Tast Root")),
        time -> time);
    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining("crl: not the root's");
  }

  /** The line of what was to be signed, with another text in it that is as long. */
  private static TranscriptEntry changed(
      TranscriptEntry entry, String item, String from, String to) {
    if (!(entry instanceof TranscriptEntry.Signing signing) || !signing.item().equals(item)) {
      return entry;
    }
    byte[] octets =
        new String(Base64.getDecoder().decode(signing.toBeSigned()), StandardCharsets.ISO_8859_1)
            .replace(from, to)
            .getBytes(StandardCharsets.ISO_8859_1);
    return new TranscriptEntry.Signing(
        item,
        signing.kind(),
        signing.number(),
        signing.mechanism(),
        Base64.getEncoder().encodeToString(octets),
        Digests.sha256(octets));
  }

  @Test
  @DisplayName("is shown at least forty tamperings of its own kind each")
  void many() throws IOException {
    assertThat(all().map(Case::name).distinct().count()).isGreaterThanOrEqualTo(40);
  }

  @Test
  @DisplayName("reads nothing that is not in the manifest")
  void extraFile() throws Exception {
    Files.writeString(copy.resolve("extra.pem"), "not read");
    Verification.verify(new Folder(copy), true);

    // A further signature of a witness would count, if it were read.
    Files.writeString(copy.resolve("transcript.jsonl.bert.sig"), "not read either");
    Verification.verify(new Folder(copy), true);
  }

  private static void flip(Path file) throws IOException {
    byte[] octets = Files.readAllBytes(file);
    switch (String.valueOf(file.getFileName())) {
      // What is no list of digests or no plan any more is another case.
      case "MANIFEST" -> octets[0] = (byte) (octets[0] == '0' ? '1' : '0');
      case "plan.yaml" ->
          octets[new String(octets, StandardCharsets.US_ASCII).indexOf("Web CA") + 1] = 'a';
      // Letters stay letters, so that what is tested is not only the syntax.
      default -> octets[octets.length / 2] ^= 0x02;
    }
    Files.write(file, octets);
  }

  private static void manifest(Path out) throws Exception {
    Manifest.write(new Folder(out));
    scene.sign(out, Manifest.FILE, "bert", Witnesses.Purpose.MANIFEST);
  }

  private static Case lines(String name, String reason, UnaryOperator<List<String>> change) {
    return new Case(
        name,
        out -> {
          Path file = out.resolve("transcript.jsonl");
          Files.write(file, change.apply(Files.readAllLines(file)));
          scene.close(out);
        },
        reason);
  }

  private static List<String> without(List<String> lines, int index) {
    List<String> changed = new ArrayList<>(lines);
    changed.remove(index);
    return changed;
  }

  private static List<String> swapped(List<String> lines, int one, int other) {
    List<String> changed = new ArrayList<>(lines);
    Collections.swap(changed, one, other);
    return changed;
  }

  private static List<String> doubled(List<String> lines, int index) {
    List<String> changed = new ArrayList<>(lines);
    changed.add(index, lines.get(index));
    return changed;
  }

  private static List<String> edited(List<String> lines, int index, UnaryOperator<String> change) {
    List<String> changed = new ArrayList<>(lines);
    changed.set(index, change.apply(lines.get(index)));
    return changed;
  }

  /** All lines with another entry, chained anew, the copies made anew, signed by all. */
  private static Case lie(String name, String reason, UnaryOperator<TranscriptEntry> change) {
    return new Case(name, out -> rewrite(out, change, time -> time), reason);
  }

  /** All lines but some, otherwise as in a lie. */
  private static Case without(String name, String reason, Predicate<TranscriptEntry> left) {
    return new Case(
        "without " + name,
        out -> rewrite(scene, out, entry -> Optional.of(entry).filter(left.negate()), time -> time),
        reason);
  }

  private static void rewrite(
      Path out, UnaryOperator<TranscriptEntry> change, UnaryOperator<Instant> time)
      throws Exception {
    rewrite(scene, out, entry -> Optional.of(change.apply(entry)), time);
  }

  private static void rewrite(
      CeremonyScene signers,
      Path out,
      Function<TranscriptEntry, Optional<TranscriptEntry>> change,
      UnaryOperator<Instant> time)
      throws Exception {
    Forgery.rewrite(
        signers,
        out,
        line ->
            change.apply(line.entry()).stream()
                .map(entry ->
                    new TranscriptLine(
                        line.number(), line.previous(), time.apply(line.time()), entry))
                .toList());
  }

  private static TranscriptEntry.Begun begun(
      TranscriptEntry.Begun begun, String mode, String plan, Map<String, String> inputs) {
    return new TranscriptEntry.Begun(
        begun.ceremony(),
        mode,
        plan,
        begun.tool(),
        begun.distribution(),
        inputs,
        begun.networkInterfaces());
  }

  private static Map<String, String> with(Map<String, String> inputs, String file) {
    Map<String, String> changed = new TreeMap<>(inputs);
    changed.put(file, "0".repeat(64));
    return changed;
  }

  private static String flipped(String base64) {
    byte[] octets = Base64.getDecoder().decode(base64);
    octets[octets.length / 2] ^= 0x01;
    return Base64.getEncoder().encodeToString(octets);
  }
}
