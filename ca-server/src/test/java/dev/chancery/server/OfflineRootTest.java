package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SigningScheme;
import dev.chancery.server.ceremony.CeremonyScene;
import dev.chancery.store.Database;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqRevocationLedger;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Certificates that ceremonies have made come home, out of the directories that were carried. */
@DisplayName("A home whose root is offline")
class OfflineRootTest {
  private static final IssuerId WEB = new IssuerId("web");
  private static final IssuerId SECOND = new IssuerId("second");
  private static final Map<String, String> COMING = Map.of("rollover.root", "new-root.pem");

  @TempDir Path folder;
  private CeremonyScene scene;
  private Path home;
  private Path carried;
  private List<String> taken;

  /** The first ceremony of the home: a root, an issuer, the root's OCSP signer, a CRL. */
  @BeforeEach
  void first() throws Exception {
    home = Files.createDirectories(folder.resolve("home"));
    Files.createDirectories(home.resolve("token"));
    Files.writeString(home.resolve("token/chancery.pin"), "a-test-password");
    Files.writeString(
        home.resolve("chancery.yaml"),
        """
        token: {kind: pkcs12, file: token/chancery.p12, pinFile: token/chancery.pin}
        roots: [root.pem]
        issuers:
          - {name: web, certificate: ca/web.pem, keyId: "01", ocspKeyId: "02"}
          - {name: second, certificate: ca/second.pem, keyId: "03", ocspKeyId: "04"}
        ocsp:
          foreign:
            - name: root
              certificate: root.pem
              crl: "http://127.0.0.1:9/crl/root.crl"
              signerCertificate: ca/root-ocsp.pem
              signerKeyId: "05"
        acme: {endpoints: {default: {issuer: web, profile: tls-server}}}
        """);
    scene = new CeremonyScene(folder.resolve("first"));
    OfflineRoot offline = offline(Map.of());
    X500Name signer = new X500Name("O=Tests,CN=Root OCSP");
    requested(scene, "web.csr", offline.request(WEB, KeyAlgorithm.EC_P256, subject("Web CA")));
    requested(
        scene,
        "ocsp.csr",
        offline.requestSigner(Initialization.ROOT, KeyAlgorithm.EC_P256, signer));
    scene.plan(CeremonyScene.PLAN);
    scene.rehearse();
    scene.prepare();
    carried = scene.hold("out", "token", CeremonyScene.ITEMS);
    taken = offline.take(WEB, carried, scene.digest());
  }

  @AfterEach
  void restore() throws Exception {
    scene.restore();
  }

  private static X500Name subject(String commonName) {
    return new X500Name("O=Tests,CN=" + commonName);
  }

  private static void requested(CeremonyScene scene, String file, Path request) throws Exception {
    scene.write(file, Files.readString(request));
  }

  private OfflineRoot offline(Map<String, String> overrides) throws Exception {
    return offline(overrides, step -> {});
  }

  private OfflineRoot offline(Map<String, String> overrides, Consumer<OfflineRoot.Step> done)
      throws Exception {
    Home opened = Home.open(home);
    return new OfflineRoot(
        opened,
        Configuration.read(opened, overrides),
        scene.clock,
        new SecureRandom(),
        name -> null,
        done);
  }

  private static X509CertificateHolder certificate(Path file) throws Exception {
    return PemFile.certificates(file).getFirst();
  }

  private List<IssuerId> known() throws Exception {
    try (Database database = database()) {
      return new IssuerRegistry(database).all();
    }
  }

  private Database database() throws Exception {
    Home opened = Home.open(home);
    return Databases.open(opened, Configuration.read(opened, Map.of()).database(), name -> null);
  }

  /** The serial number of what a ceremony gave up. */
  private static String abandoned(Path made, String item) throws Exception {
    return Files.readString(made.resolve("transcript.jsonl"))
        .replaceAll(
            "(?s).*\"event\":\"abandoned\",\"item\":\"%s\",\"number\":\"([0-9a-f]+)\".*"
                .formatted(item),
            "$1");
  }

  /** A later plan of a root, which is for the key of the issuer "second" alone. */
  private static String later(String head) {
    return """
    name: later
    from: 2026-01-01T00:00:00Z
    until: 2027-01-01T00:00:00Z
    offline: false
    witnesses:
      threshold: 2
      allowedSigners: |
    %%s
    %s
    intermediates:
      - name: second
        csr: second.csr
        sha256: "@second.csr@"
        subject: {organization: Tests, commonName: Second CA}
        key: ec-p256
        notAfter: 2032-01-01T00:00:00Z
        pathLength: 0
    """
        .formatted(head);
  }

  private CeremonyScene second(String name, String head) throws Exception {
    Path request = offline(Map.of()).request(SECOND, KeyAlgorithm.EC_P256, subject("Second CA"));
    return planned(name, request, later(head));
  }

  /** One that certifies the key of "web" again. */
  private CeremonyScene webAgain(String name, String head) throws Exception {
    return planned(name, home.resolve("ca/web.csr"), later(head).replace("Second CA", "Web CA"));
  }

  private CeremonyScene planned(String name, Path request, String plan) throws Exception {
    CeremonyScene later = new CeremonyScene(folder.resolve(name));
    requested(later, "second.csr", request);
    requested(later, "root.pem", carried.resolve("root.pem"));
    later.plan(plan);
    later.rehearse(List.of("root", "second", "crl"));
    later.prepare();
    return later;
  }

  @Test
  @DisplayName("takes an issuer's certificate, the root, its CRL and its OCSP signer home, once")
  void takes() throws Exception {
    assertThat(taken)
        .contains(
            "O=Tests,CN=Web CA",
            "the root's CRL number 7",
            "the OCSP signer of root, O=Tests,CN=Root OCSP")
        .anyMatch(line -> line.endsWith("did not know: 4"));
    assertThat(certificate(home.resolve("root.pem")))
        .isEqualTo(certificate(carried.resolve("root.pem")));
    assertThat(certificate(home.resolve("ca/web.pem")))
        .isEqualTo(certificate(carried.resolve("web.pem")));
    assertThat(certificate(home.resolve("ca/root-ocsp.pem")))
        .isEqualTo(certificate(carried.resolve("root-ocsp.pem")));

    OfflineRoot again = offline(Map.of());
    assertThatThrownBy(() -> again.request(WEB, KeyAlgorithm.EC_P256, subject("Web CA")))
        .hasMessageContaining("issuer web has its certificate");
    // The very ceremony, taken anew after a run that ended, is no second one.
    assertThat(again.take(WEB, carried, scene.digest()))
        .contains("the root's CRL number 7", "the OCSP signer of root, O=Tests,CN=Root OCSP")
        .anyMatch(line -> line.endsWith("did not know: 0"));
    assertThat(again.takeCrl(carried, scene.digest()))
        .contains("the root's CRL number 7")
        .anyMatch(line -> line.endsWith("did not know: 0"));
  }

  @Test
  @DisplayName(
      "takes no second ceremony of one plan, whose items were signed twice, and names them")
  void onePlanOnce() throws Exception {
    CeremonyScene later = second("later", earlier(tokenSerial(carried), LIST.formatted(8, "")));
    // The token itself bears the mark of the first: only a copy from before can be used again.
    copy(folder.resolve("first/token"), folder.resolve("first/copy"));
    List<String> items = List.of("second", "crl");
    Path other = later.hold("other", "../first/copy", items);
    Path one = later.holdLate("signing", "crl", "one", "../first/token", items);
    X509CertificateHolder twice = certificate(other.resolve("second.pem"));
    assertThat(certificate(one.resolve("second.pem"))).isNotEqualTo(twice);

    assertThat(offline(Map.of()).take(SECOND, one, later.digest()))
        .contains("O=Tests,CN=Second CA", "no CRL: the ceremony made none");

    OfflineRoot again = offline(Map.of());
    assertThatThrownBy(() -> again.takeCrl(other, later.digest()))
        .hasMessageContaining("another ceremony of this plan was imported")
        .hasMessageContaining("its root is to be looked into")
        .hasMessageEndingWith(
            "; the next plan is to revoke %s; the number of the next list is 9 or higher"
                .formatted(SerialNumber.of(twice.getSerialNumber())));
    try (Database database = database()) {
      assertThat(new JooqCrlLedger(database, scene.clock).usedNumber(Initialization.ROOT))
          .isEqualTo(8);
    }
  }

  @Test
  @DisplayName("keeps its number for the list of a ceremony that was not imported to its end yet")
  void firstToItsEnd() throws Exception {
    CeremonyScene later = second("later", earlier(tokenSerial(carried), LIST.formatted(8, "")));
    copy(folder.resolve("first/token"), folder.resolve("first/copy"));
    List<String> items = List.of("second", "crl");
    Path other = later.hold("other", "../first/copy", items);
    Path one = later.hold("one", "../first/token", items);
    OfflineRoot ended =
        offline(
            Map.of(),
            step -> {
              if (step == OfflineRoot.Step.GIVEN_UP) {
                throw new IllegalStateException("ended here");
              }
            });
    assertThatThrownBy(() -> ended.take(SECOND, one, later.digest())).hasMessage("ended here");

    assertThatThrownBy(() -> offline(Map.of()).takeCrl(other, later.digest()))
        .hasMessageEndingWith("not to its end: import that one again first, and then this one");
    assertThat(offline(Map.of()).take(SECOND, one, later.digest()))
        .contains("the root's CRL number 8");
    assertThatThrownBy(() -> offline(Map.of()).takeCrl(other, later.digest()))
        .hasMessageEndingWith("the number of the next list is 9 or higher");
  }

  /** A number, and what is revoked beside what the first list has revoked. */
  private static final String LIST =
      "\n"
          + "crl: {number: %d, validity: 365d, revoked: [{serial: 0a0b, at: 2026-01-02T00:00:00Z,"
          + " reason: superseded}%s]}";

  @Test
  @DisplayName("knows as revoked what a list revoked that came home before it, and installs none")
  void revokedBefore() throws Exception {
    String serial = tokenSerial(carried);
    List<String> items = List.of("second", "crl");
    CeremonyScene signing = second("signing", earlier(serial, LIST.formatted(8, "")));
    Path made = signing.hold("out", "../first/token", items);
    SerialNumber second =
        SerialNumber.of(certificate(made.resolve("second.pem")).getSerialNumber());
    String entry = ", {serial: " + second + ", at: 2026-06-01T11:00:00Z, reason: superseded}";
    CeremonyScene revoking = webAgain("revoking", earlier(serial, LIST.formatted(9, entry)));
    Path list = revoking.hold("out", "../first/token", items);
    OfflineRoot offline = offline(Map.of());
    assertThat(offline.takeCrl(list, revoking.digest())).contains("the root's CRL number 9");

    assertThatThrownBy(() -> offline.take(SECOND, made, signing.digest()))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining(
            "the certificate of issuer second was revoked at 2026-06-01T11:00:00Z, superseded");
    assertThat(home.resolve("ca/second.pem")).doesNotExist();
    try (Database database = database()) {
      assertThat(
              new JooqRevocationLedger(database, scene.clock).status(Initialization.ROOT, second))
          .isInstanceOf(CertificateStatus.Revoked.class);
    }

    CeremonyScene next = webAgain("next", earlier(serial, LIST.formatted(10, entry)));
    Path whole = next.hold("out", "../first/token", items);
    assertThat(offline.takeCrl(whole, next.digest())).contains("the root's CRL number 10");
  }

  @Test
  @DisplayName("installs no OCSP signer's certificate that is revoked")
  void revokedSigner() throws Exception {
    SerialNumber signer =
        SerialNumber.of(certificate(home.resolve("ca/root-ocsp.pem")).getSerialNumber());
    Files.delete(home.resolve("ca/root-ocsp.pem"));
    try (Database database = database()) {
      assertThat(
              new JooqRevocationLedger(database, scene.clock)
                  .revoke(
                      new Revocation(
                          Initialization.ROOT,
                          signer,
                          RevocationReason.SUPERSEDED,
                          scene.clock.instant(),
                          Optional.empty(),
                          "admin alice")))
          .isEqualTo(RevocationLedger.Outcome.REVOKED);
    }

    assertThat(offline(Map.of()).takeCrl(carried, scene.digest()))
        .contains(
            "not the OCSP signer of root: its certificate was revoked at %s, superseded"
                .formatted(scene.clock.instant()));
    assertThat(home.resolve("ca/root-ocsp.pem")).doesNotExist();
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file)));
      }
    }
  }

  private static String tokenSerial(Path directory) throws Exception {
    String transcript = Files.readString(directory.resolve("transcript.jsonl"));
    return transcript.replaceAll(
        "(?s).*\"event\":\"opened\"[^\n]*?\"serial\":\"([^\"]*)\".*", "$1");
  }

  @Test
  @DisplayName("takes no CRL of the root that is not newer, or makes good what was revoked")
  void worseCrl() throws Exception {
    String head =
        """
        token: {label: test-root, serial: "%s", initialize: false}
        root: {keyId: "726f6f74", certificate: root.pem, sha256: "@root.pem@"}
        crl: {number: %d, validity: 365d%s}\
        """;
    String revoked = ", revoked: [{serial: 0a0b, at: 2026-01-02T00:00:00Z, reason: superseded}]";
    String serial = tokenSerial(carried);
    CeremonyScene same = second("same", head.formatted(serial, 7, revoked));
    Path sameMade = same.hold("out", "../first/token", List.of("second", "crl"));
    CeremonyScene forgetful = second("forgetful", head.formatted(serial, 8, ""));
    Path forgetfulMade = forgetful.hold("out", "../first/token", List.of("second", "crl"));
    OfflineRoot offline = offline(Map.of());

    assertThatThrownBy(() -> offline.takeCrl(sameMade, same.digest()))
        .hasMessageContaining("has number 7, and 7 is published: the list is not taken");
    assertThatThrownBy(() -> offline.takeCrl(forgetfulMade, forgetful.digest()))
        .hasMessageContaining("lacks 1 certificates that are revoked: ")
        .hasMessageContaining("0a0b");
    assertThatThrownBy(() -> offline.take(SECOND, forgetfulMade, forgetful.digest()))
        .hasMessageContaining("lacks 1 certificates that are revoked: ");
    assertThat(home.resolve("ca/second.pem")).doesNotExist();

    // An issuer's certificate comes home with an older list, which is left alone.
    assertThat(offline.take(SECOND, sameMade, same.digest()))
        .contains("O=Tests,CN=Second CA", "not the root's CRL number 7: 7 is published");
  }

  private static String earlier(String serial, String more) {
    return """
    token: {label: test-root, serial: "%s", initialize: false}
    root: {keyId: "726f6f74", certificate: root.pem, sha256: "@root.pem@"}%s\
    """
        .formatted(serial, more);
  }

  private static final String NEW_ROOT =
      """
      token: {label: new-root, initialize: true}
      root:
        keyId: "6e6577"
        key: ec-p256
        subject: {organization: Tests, commonName: New Root}
        notAfter: 2046-01-01T00:00:00Z\
      """;

  @Test
  @DisplayName("takes a longer certificate over an issuer's key, but of the same root only")
  void longer() throws Exception {
    CeremonyScene other = webAgain("other", NEW_ROOT);
    Path made = other.hold("out", "token", List.of("root", "second"));
    OfflineRoot prepared = offline(COMING);
    assertThatThrownBy(() -> prepared.take(WEB, made, other.digest()))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining(
            "issuer web is from O=Tests,CN=Test Root, and the one of the ceremony")
        .hasMessageContaining("from the root O=Tests,CN=New Root");
    assertThat(certificate(home.resolve("ca/web.pem")))
        .isEqualTo(certificate(carried.resolve("web.pem")));
    assertThat(home.resolve("new-root.pem")).doesNotExist();
    assertThat(known()).containsExactlyInAnyOrder(Initialization.ROOT);

    CeremonyScene same = webAgain("same-root", earlier(tokenSerial(carried), ""));
    Path again = same.hold("out", "../first/token", List.of("second"));
    assertThat(prepared.take(WEB, again, same.digest())).contains("O=Tests,CN=Web CA");
    assertThat(certificate(home.resolve("ca/web.pem")))
        .isEqualTo(certificate(again.resolve("second.pem")));
    assertThatThrownBy(() -> prepared.take(WEB, carried, scene.digest()))
        .hasMessageContaining("issuer web has its certificate");
  }

  @Test
  @DisplayName("takes home what a ceremony made and gave up before its plan expired")
  void late() throws Exception {
    String serial = tokenSerial(carried);
    String list = "\ncrl: {number: 8, validity: 365d}";
    List<String> items = List.of("second", "crl");
    CeremonyScene made = second("late", earlier(serial, list));
    Path madeOut = made.holdLate("signing", "crl", "out", "../first/token", items);
    String end = "late: the plan expired at 2027-01-01T00:00:00Z before its end; not made: ";
    assertThat(offline(Map.of()).take(SECOND, madeOut, made.digest()))
        .contains("O=Tests,CN=Second CA", "the ceremony is " + end + "crl")
        .contains("no CRL: the ceremony made none")
        .anyMatch(line -> line.endsWith("did not know: 1"));
    assertThat(certificate(home.resolve("ca/second.pem")))
        .isEqualTo(certificate(madeOut.resolve("second.pem")));

    CeremonyScene givenUp = webAgain("given-up", earlier(serial, list));
    Path givenUpOut = givenUp.holdLate("signed", "second", "out", "../first/token", items);
    OfflineRoot offline = offline(Map.of());
    assertThatThrownBy(() -> offline.take(WEB, givenUpOut, givenUp.digest()))
        .hasMessageContaining(
            "nothing was made for the key of issuer web ("
                + end
                + "crl); import it without a name");
    assertThat(offline.takeCrl(givenUpOut, givenUp.digest()))
        .contains(
            "given up, and revoked in the ledger: %s; the next ceremony owes a CRL that revokes them"
                .formatted(abandoned(givenUpOut, "second")),
            "the ceremony is " + end + "crl");
  }

  @Test
  @DisplayName("takes nothing of a ceremony that ended without its root")
  void lateWithoutRoot() throws Exception {
    CeremonyScene other = webAgain("other", NEW_ROOT);
    Path out = other.holdLate("signed", "root", "out", "token", List.of("root", "second"));

    OfflineRoot prepared = offline(COMING);
    assertThatThrownBy(() -> prepared.takeCrl(out, other.digest()))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining("the ceremony ended without a root: there is nothing to import");
    assertThat(known()).containsExactly(Initialization.ROOT);
  }

  @Test
  @DisplayName("knows as revoked what a ceremony gave up, until a CRL of the root has it")
  void givenUp() throws Exception {
    String serial = tokenSerial(carried);
    CeremonyScene ended = second("ended", earlier(serial, LIST.formatted(8, "")));
    Path made =
        ended.holdGivingUp(
            List.of("second", "crl"), "out", "../first/token", List.of("second", "crl"));
    List<String> taken = offline(Map.of()).takeCrl(made, ended.digest());
    String given = abandoned(made, "second");
    assertThat(taken)
        .contains(
            "given up, and revoked in the ledger: "
                + given
                + "; the next ceremony owes a CRL that revokes them",
            "no CRL: number 8 was given up, and counts as used; the next one's is 9 or higher");
    assertThat(offline(Map.of()).takeCrl(made, ended.digest())).isEqualTo(taken);

    String entry = ", {serial: " + given + ", at: 2026-06-01T12:00:00Z, reason: unspecified}";
    CeremonyScene twice = second("twice", earlier(serial, LIST.formatted(8, entry)));
    Path again = twice.hold("out", "../first/token", List.of("second", "crl"));
    assertThatThrownBy(() -> offline(Map.of()).takeCrl(again, twice.digest()))
        .hasMessageContaining("has number 8, and a list with a number up to 8 was given up")
        .hasMessageContaining("the next one's is 9 or higher: the list is not taken");

    CeremonyScene forgetful = second("forgetful", earlier(serial, LIST.formatted(9, "")));
    Path forgot = forgetful.hold("out", "../first/token", List.of("second", "crl"));
    OfflineRoot offline = offline(Map.of());
    assertThatThrownBy(() -> offline.takeCrl(forgot, forgetful.digest()))
        .hasMessageContaining("lacks 1 certificates that are revoked: " + given)
        .hasMessageContaining("the number of the next list is 10 or higher");

    CeremonyScene whole = second("whole", earlier(serial, LIST.formatted(10, entry)));
    Path all = whole.hold("out", "../first/token", List.of("second", "crl"));
    assertThat(offline.takeCrl(all, whole.digest())).contains("the root's CRL number 10");
  }

  @Test
  @DisplayName("knows as revoked what a ceremony gave up, though its CRL comes too late")
  void givenUpBefore() throws Exception {
    String serial = tokenSerial(carried);
    CeremonyScene ended = second("ended", earlier(serial, LIST.formatted(8, "")));
    Path made =
        ended.holdGivingUp(List.of("second"), "out", "../first/token", List.of("second", "crl"));
    SerialNumber given = SerialNumber.parse(abandoned(made, "second"));
    CeremonyScene later = second("later", earlier(serial, LIST.formatted(9, "")));
    Path lists = later.hold("out", "../first/token", List.of("second", "crl"));
    OfflineRoot offline = offline(Map.of());
    assertThat(offline.takeCrl(lists, later.digest())).contains("the root's CRL number 9");

    assertThatThrownBy(() -> offline.takeCrl(made, ended.digest()))
        .hasMessageContaining("has number 8, and 9 is published");
    try (Database database = database()) {
      assertThat(new JooqRevocationLedger(database, scene.clock).status(Initialization.ROOT, given))
          .isInstanceOf(CertificateStatus.Revoked.class);
    }
    CeremonyScene forgetful = second("forgetful", earlier(serial, LIST.formatted(10, "")));
    Path forgot = forgetful.hold("out", "../first/token", List.of("second", "crl"));
    assertThatThrownBy(() -> offline.takeCrl(forgot, forgetful.digest()))
        .hasMessageContaining("lacks 1 certificates that are revoked: " + given);
  }

  @Test
  @DisplayName("takes the CRL that an import left half taken when it was killed")
  void halfTaken() throws Exception {
    CeremonyScene later =
        second(
            "later",
            earlier(
                tokenSerial(carried),
                "\n"
                    + "crl: {number: 8, validity: 365d, revoked: [{serial: 0a0b,"
                    + " at: 2026-01-02T00:00:00Z, reason: superseded}]}"));
    Path made = later.hold("out", "../first/token", List.of("second", "crl"));
    try (Database database = database()) {
      byte[] octets = new byte[1_000];
      assertThat(
              new JooqCrlLedger(database, scene.clock)
                  .record(
                      new PreparedCrl(
                          CrlScope.unsharded(Initialization.ROOT),
                          BigInteger.valueOf(8),
                          Optional.empty(),
                          scene.clock.instant(),
                          scene.clock.instant().plus(Duration.ofDays(1)),
                          SigningScheme.ECDSA_SHA256,
                          Octets.of(octets))))
          .isPresent();
    }

    assertThat(offline(Map.of()).takeCrl(made, later.digest())).contains("the root's CRL number 8");
  }

  @Test
  @DisplayName("keeps an OCSP signer's certificate that is later than the one of a ceremony")
  void olderSigner() throws Exception {
    CeremonyScene later = new CeremonyScene(folder.resolve("signer"));
    later.clock.advance(Duration.ofDays(1));
    requested(later, "ocsp.csr", home.resolve("ca/root.csr"));
    requested(later, "root.pem", carried.resolve("root.pem"));
    String plan = later(earlier(tokenSerial(carried), ""));
    later.plan(
        plan.substring(0, plan.indexOf("intermediates:"))
            + """
            ocspSigner:
              name: root-ocsp
              csr: ocsp.csr
              sha256: "@ocsp.csr@"
              key: ec-p256
              subject: {organization: Tests, commonName: Root OCSP}
              notAfter: 2027-06-01T00:00:00Z
            """);
    later.rehearse(List.of("root", "root-ocsp"));
    later.prepare();
    Path made = later.hold("out", "../first/token", List.of("root-ocsp"));
    Path file = home.resolve("ca/root-ocsp.pem");

    // It ends before the one that is there, and is later all the same.
    assertThat(offline(Map.of()).takeCrl(made, later.digest()))
        .contains("the OCSP signer of root, O=Tests,CN=Root OCSP");
    assertThat(certificate(file)).isEqualTo(certificate(made.resolve("root-ocsp.pem")));

    assertThat(offline(Map.of()).takeCrl(carried, scene.digest()))
        .contains("not the OCSP signer of root: " + file + " has a later certificate");
    assertThat(certificate(file)).isEqualTo(certificate(made.resolve("root-ocsp.pem")));
    // The very same is no older one.
    assertThat(offline(Map.of()).takeCrl(made, later.digest()))
        .contains("the OCSP signer of root, O=Tests,CN=Root OCSP");
  }

  @Test
  @DisplayName("looks at the requests of OCSP signers before anything is written")
  void signersFirst() throws Exception {
    CeremonyScene later = second("later", earlier(tokenSerial(carried), ""));
    Path made = later.hold("out", "../first/token", List.of("second"));
    Path request = home.resolve("ca/root.csr");
    String before = Files.readString(request);
    Files.writeString(request, "no request");
    OfflineRoot broken = offline(Map.of());

    assertThatThrownBy(() -> broken.take(SECOND, made, later.digest()))
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageContaining(request.toString());

    Files.writeString(request, before);
    assertThat(offline(Map.of()).take(SECOND, made, later.digest()))
        .contains("certificates that the ledger did not know: 1");
  }

  @Test
  @DisplayName("takes the issuer of the root that is to come, and that root, when it is configured")
  void comingRoot() throws Exception {
    CeremonyScene later =
        second(
            "coming",
            """
            token: {label: new-root, initialize: true}
            root:
              keyId: "6e6577"
              key: ec-p256
              subject: {organization: Tests, commonName: New Root}
              notAfter: 2046-01-01T00:00:00Z\
            """);
    Path made = later.hold("out", "token", List.of("root", "second"));
    OfflineRoot unprepared = offline(Map.of());
    assertThatThrownBy(() -> unprepared.take(SECOND, made, later.digest()))
        .hasMessageContaining("the root O=Tests,CN=New Root is not known")
        .hasMessageContaining("rollover.root");
    assertThat(home.resolve("ca/second.pem")).doesNotExist();
    assertThat(known()).containsExactlyInAnyOrder(Initialization.ROOT);

    OfflineRoot prepared = offline(COMING);
    assertThatThrownBy(() -> prepared.take(SECOND, made, "0".repeat(64)))
        .hasMessageContaining("the plan has SHA-256 " + later.digest());
    assertThat(home.resolve("new-root.pem")).doesNotExist();
    assertThat(prepared.take(SECOND, made, later.digest())).contains("O=Tests,CN=Second CA");

    assertThat(certificate(home.resolve("new-root.pem")))
        .isEqualTo(certificate(made.resolve("root.pem")));
    assertThat(certificate(home.resolve("ca/second.pem")))
        .isEqualTo(certificate(made.resolve("second.pem")));
    assertThat(certificate(home.resolve("root.pem")))
        .isEqualTo(certificate(carried.resolve("root.pem")));
    assertThat(known()).contains(new IssuerId("root-2"));

    // What the server then makes of both files: the new root is the one that is to come.
    assertThat(
            RootRollover.coming(
                Configuration.read(Home.open(home), COMING).rollover().root().map(home::resolve),
                scene.clock))
        .contains(certificate(made.resolve("root.pem")));
  }
}
