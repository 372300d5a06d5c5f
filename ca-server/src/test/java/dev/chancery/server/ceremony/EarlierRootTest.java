package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.hsm.KeyId;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The ceremonies of a root after its first one: with its token, and no key is made. */
@DisplayName("A later ceremony of a root")
class EarlierRootTest {
  private static final String TOKEN = "../first/token";
  private static final String HELD = "this plan was begun with this token before";

  @TempDir Path folder;
  private CeremonyScene first;
  private CeremonyScene second;
  private Path firstOut;
  private TranscriptState made;

  @BeforeEach
  void holdTheFirst() throws Exception {
    first = new CeremonyScene(folder.resolve("first"));
    first.rehearse();
    first.prepare();
    firstOut = folder.resolve("first-out");
    first
        .ceremony(firstOut, "token", true, first.typing(CeremonyScene.ITEMS), Folder::append)
        .run();
    made = TranscriptState.of(Files.readAllBytes(firstOut.resolve(Transcript.FILE)));
    second = new CeremonyScene(folder.resolve("second"));
    second.write("root.pem", Files.readString(firstOut.resolve("root.pem")));
  }

  @AfterEach
  void restore() throws Exception {
    second.restore();
  }

  private void plan(String serial) throws Exception {
    plan("second", serial);
  }

  private void plan(String name, String serial) throws Exception {
    writePlan(name, serial);
    rehearse(name);
    second.prepare();
  }

  private void writePlan(String name, String serial) throws Exception {
    writePlan(name, serial, "");
  }

  private void writePlan(String name, String serial, String marks) throws Exception {
    second.plan(
        """
        name: %s
        from: 2026-01-01T00:00:00Z
        until: 2027-01-01T00:00:00Z
        offline: false
        witnesses:
          threshold: 2
          allowedSigners: |
        %%s
        token: {label: test-root, serial: "%s", initialize: false%s}
        root: {keyId: "726f6f74", certificate: root.pem, sha256: "@root.pem@"}
        intermediates:
          - name: second-web
            csr: web.csr
            sha256: "@web.csr@"
            subject: {organization: Tests, commonName: Web CA}
            key: ec-p256
            notAfter: 2032-01-01T00:00:00Z
            pathLength: 0
        crl: {number: 8, validity: 365d, revoked: [{serial: %s, at: 2026-05-01T00:00:00Z, reason: cACompromise}]}
        """
            .formatted(name, serial, marks, made.signing("web").orElseThrow().number()));
  }

  private void rehearse(String name) throws Exception {
    for (String witness : CeremonyScene.WITNESSES) {
      Files.deleteIfExists(
          second.in().resolve(Witnesses.signatureFile(CeremonyPlan.FILE, witness)));
    }
    Manifest.write(new Folder(second.in()));
    second
        .ceremony(
            folder.resolve("rehearsal-" + name),
            "rehearsal-token-" + name,
            false,
            second.typing(List.of("root", "second-web", "crl")),
            Folder::append)
        .run();
  }

  private Ceremony ceremony(Path out) throws Exception {
    return ceremony(out, Folder::append);
  }

  private Ceremony ceremony(Path out, Transcript.Disk disk) throws Exception {
    return second.ceremony(out, TOKEN, true, second.typing(List.of("second-web", "crl")), disk);
  }

  private static TranscriptState state(Path out) throws Exception {
    return TranscriptState.of(Files.readAllBytes(out.resolve(Transcript.FILE)));
  }

  private void requireVerified(Path out) throws Exception {
    second.close(out);
    assertThat(Verification.verify(new Folder(out), true).state().isCompleted()).isTrue();
  }

  private void requireRefused(Path out, String reason) throws Exception {
    List<String> before =
        Files.exists(out.resolve(Transcript.FILE)) ? state(out).items() : List.of();
    Ceremony ceremony = ceremony(out);

    assertThatThrownBy(ceremony::run).hasMessageContaining(reason);
    assertThat(state(out).items()).isEqualTo(before);
    assertThat(((TranscriptEntry.Refusal) state(out).lines().getLast().entry()).reason())
        .contains(reason);
  }

  /** As kill -9: nothing catches it on the way. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  /** Ends the second ceremony at a line of its transcript, before or after that is written. */
  private Path killed(String line, boolean written) throws Exception {
    Path out = folder.resolve("killed");
    Ceremony ended =
        ceremony(
            out,
            (file, octets) -> {
              boolean here = new String(octets, StandardCharsets.UTF_8).contains(line);
              if (!here || written) {
                Folder.append(file, octets);
              }
              if (here) {
                throw new Killed();
              }
            });
    assertThatThrownBy(ended::run).isInstanceOf(Killed.class);
    return out;
  }

  @Test
  @DisplayName("is held once: another --out is refused, also when the first directory is lost")
  void heldOnce() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = folder.resolve("second-out");
    ceremony(out).run();
    requireRefused(folder.resolve("other-out"), HELD);

    Files.move(out, folder.resolve("lost"));
    requireRefused(out, HELD);
    requireRefused(folder.resolve("other-out"), HELD);

    // What is left to do then: another plan.
    plan("third", made.tokenSerial().orElseThrow());
    Path third = folder.resolve("third-out");
    ceremony(third).run();
    requireVerified(third);
  }

  @ParameterizedTest
  @CsvSource({
    "marked, false",
    "marked, true",
    "signing, false",
    "signing, true",
    "signed, false",
    "signed, true",
  })
  @DisplayName("that was ended with the mark in the token goes on there and nowhere else")
  void endedAfterTheMark(String event, boolean written) throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = killed("\"event\":\"" + event + "\"", written);

    requireRefused(folder.resolve("other-out"), HELD);
    ceremony(out).run();
    requireVerified(out);
  }

  @ParameterizedTest
  @CsvSource({"false, true", "true, true", "false, false", "true, false"})
  @DisplayName("that was ended before the mark was in the token is held in one place, the next")
  void endedBeforeTheMark(boolean written, boolean there) throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = killed("\"event\":\"marking\"", written);
    Path next = there ? out : folder.resolve("other-out");

    ceremony(next).run();
    requireVerified(next);
    requireRefused(there ? folder.resolve("other-out") : out, HELD);
  }

  @Test
  @DisplayName(
      "is refused when another one has looked for marks at the same time, and made its own")
  void atTheSameTime() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = folder.resolve("second-out");
    Path other = folder.resolve("other-out");
    Ceremony slow =
        ceremony(
            out,
            (file, octets) -> {
              Folder.append(file, octets);
              if (new String(octets, StandardCharsets.UTF_8).contains("\"event\":\"marking\"")) {
                runUnchecked(other);
              }
            });

    assertThatThrownBy(slow::run).hasMessageContaining(HELD);
    assertThat(state(out).items()).isEmpty();
    assertThat(state(other).isCompleted()).isTrue();
  }

  private void runUnchecked(Path out) {
    try {
      ceremony(out).run();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  @DisplayName("is refused in a copy of its directory from before the mark")
  void copied() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = killed("\"event\":\"marking\"", false);
    Path copy = Files.createDirectories(folder.resolve("copy"));
    Files.copy(out.resolve(Transcript.FILE), copy.resolve(Transcript.FILE));
    ceremony(out).run();

    requireRefused(copy, HELD);
  }

  @Test
  @DisplayName("is refused when the mark that its transcript knows is not in the token")
  void unmarked() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = killed("\"event\":\"marked\"", true);
    // The first ceremony has left one too.
    for (int mark = 0; mark < 2; mark++) {
      second.withPin(TOKEN, "--delete-object", "--type", "data", "--label", CeremonyMark.LABEL);
    }

    requireRefused(out, "says that the token was marked");
  }

  /** The objects of the token: SoftHSM2 has each in a file. */
  private List<Path> objects() throws Exception {
    try (Stream<Path> files = Files.walk(second.folder.resolve(TOKEN).resolve("tokens"))) {
      return files.filter(file -> file.toString().endsWith(".object")).toList();
    }
  }

  /**
   * Ends a ceremony with its mark in the token, before it says so; the mark, which is taken out.
   */
  private Path marked(Path out) throws Exception {
    List<Path> before = objects();
    Ceremony ended =
        ceremony(
            out,
            (file, octets) -> {
              if (new String(octets, StandardCharsets.UTF_8).contains("\"event\":\"marked\"")) {
                throw new Killed();
              }
              Folder.append(file, octets);
            });
    assertThatThrownBy(ended::run).isInstanceOf(Killed.class);
    Path mark = objects().stream().filter(file -> !before.contains(file)).findFirst().orElseThrow();
    return Files.move(mark, folder.resolve(mark.getFileName()));
  }

  private void putBack(Path mark) throws Exception {
    Path token = objects().getFirst().getParent();
    Files.copy(mark, token.resolve(mark.getFileName()));
  }

  @Test
  @DisplayName("and another, which have both marked the token before they looked, go on: one does")
  void sideBySide() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path one = folder.resolve("one");
    Path other = folder.resolve("other");
    Path markOfOne = marked(one);
    Path markOfOther = marked(other);
    putBack(markOfOne);
    putBack(markOfOther);

    requireRefused(one, HELD);
    // It has taken its own back, since it had done nothing under it.
    ceremony(other).run();
    requireVerified(other);
    requireRefused(one, HELD);
  }

  @Test
  @DisplayName("that was alone with the token when it marked it goes on, whoever marks it later")
  void markedLater() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path one = folder.resolve("one");
    Path markOfOne = marked(one);
    Path out = killed("\"event\":\"signing\"", false);
    putBack(markOfOne);

    ceremony(out).run();
    requireVerified(out);
    requireRefused(one, HELD);
  }

  @Test
  @DisplayName("is held without a mark when the plan says so, and everyone is told what that means")
  void withoutMarks() throws Exception {
    writePlan("second", made.tokenSerial().orElseThrow(), ", marks: none");
    CeremonyTool tool =
        new CeremonyTool(CeremonyScene.SILENT, second.clock, new SecureRandom(), "test");
    assertThat(tool.checkPlan(second.in())).contains(CeremonyMark.GIVEN_UP);
    rehearse("second");
    second.prepare();
    Path out = folder.resolve("second-out");
    try (FaultyModule faults = FaultyModule.build(folder)) {
      second.module = Optional.of(faults.library());
      faults.always(Pkcs11Function.C_CREATE_OBJECT, ReturnCode.CKR_FUNCTION_NOT_SUPPORTED);
      Ceremony ended =
          ceremony(
              out,
              (file, octets) -> {
                if (new String(octets, StandardCharsets.UTF_8).contains("signing")) {
                  throw new Killed();
                }
                Folder.append(file, octets);
              });
      assertThatThrownBy(ended::run).isInstanceOf(Killed.class);
      second.module = Optional.of(faults.copy());
      ceremony(out).run();
      assertThat(faults.calls(Pkcs11Function.C_CREATE_OBJECT)).isZero();
    } finally {
      second.module = Optional.empty();
    }

    assertThat(state(out).lines().stream().map(TranscriptLine::entry))
        .filteredOn(TranscriptEntry.Unmarked.class::isInstance)
        .hasSize(1);
    assertThat(Files.readString(out.resolve(TranscriptPage.FILE)))
        .contains("the token bears no mark, as the plan says");
    assertThat(tool.status(out)).contains("mark: none, as the plan says");
    requireVerified(out);
    assertThat(CeremonyTool.verify(out, true).withoutMark()).contains(CeremonyMark.GIVEN_UP);

    Forgery.rewrite(
        second,
        out,
        line ->
            line.entry() instanceof TranscriptEntry.Unmarked entry
                ? List.of(
                    Forgery.with(line, new TranscriptEntry.Marking(entry.plan(), "0".repeat(32))),
                    Forgery.with(line, new TranscriptEntry.Marked(entry.plan(), "0".repeat(32))))
                : List.of(line));
    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .hasMessageContaining("the token was marked against the plan, or not");
  }

  @Test
  @DisplayName("is told beforehand whether its token can bear a mark")
  void checkedToken() throws Exception {
    writePlan("second", made.tokenSerial().orElseThrow());
    CeremonyTool tool =
        new CeremonyTool(CeremonyScene.SILENT, second.clock, new SecureRandom(), "test");
    Path store = second.folder.resolve(TOKEN);
    try (FaultyModule faults = FaultyModule.build(folder)) {
      CeremonyTool.TokenAccess access =
          new CeremonyTool.TokenAccess(
              faults.library(),
              Map.of("SOFTHSM2_CONF", store.resolve("softhsm2.conf").toString()),
              Optional.empty(),
              store.resolve("pin"),
              Optional.empty());
      List<Path> before = objects();
      assertThat(tool.checkToken(second.in(), access))
          .isEqualTo("Token, data objects: one was kept, read back and destroyed");
      assertThat(objects()).isEqualTo(before);

      faults.always(Pkcs11Function.C_CREATE_OBJECT, ReturnCode.CKR_FUNCTION_NOT_SUPPORTED);
      assertThatThrownBy(() -> tool.checkToken(second.in(), access))
          .isInstanceOf(CeremonyRefused.class)
          .hasMessageContaining(
              "does not keep data objects (CKO_DATA): C_CREATE_OBJECT: CKR_FUNCTION_NOT_SUPPORTED")
          .hasMessageContaining("token.marks: none");
      writePlan("second", made.tokenSerial().orElseThrow(), ", marks: none");
      assertThat(tool.checkToken(second.in(), access)).contains("does not keep data objects");
    }
  }

  @Test
  @DisplayName("is refused with a token that keeps no data objects, before anything is signed")
  void noDataObjects() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = folder.resolve("second-out");
    try (FaultyModule faults = FaultyModule.build(folder)) {
      second.module = Optional.of(faults.library());
      faults.always(Pkcs11Function.C_CREATE_OBJECT, ReturnCode.CKR_ATTRIBUTE_VALUE_INVALID);
      requireRefused(
          out,
          "does not keep data objects (CKO_DATA): C_CREATE_OBJECT: CKR_ATTRIBUTE_VALUE_INVALID");
      faults.clear();

      // Done, and said not to be: the next run sees the mark.
      faults.failAfterwards(Pkcs11Function.C_CREATE_OBJECT, ReturnCode.CKR_DEVICE_ERROR, 1);
      requireRefused(out, "C_CREATE_OBJECT: CKR_DEVICE_ERROR");
      second.module = Optional.empty();
      ceremony(out).run();
      requireVerified(out);
    }
  }

  @Test
  @DisplayName("certifies and revokes with the root's key, and is verified with its certificate")
  void certifies() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = folder.resolve("second-out");
    ceremony(out).run();
    second.close(out);

    Verification.Verified verified = Verification.verify(new Folder(out), true);

    X509CertificateHolder root = Results.certificate(made, "root");
    assertThat(verified.root()).contains(root);
    assertThat(verified.state().made()).containsExactly("second-web", "crl");
    assertThat(verified.state().generated()).isEmpty();
    assertThat(
            verified
                .certificate("second-web")
                .isSignatureValid(new JcaContentVerifierProviderBuilder().build(root)))
        .isTrue();
    X509CRLHolder crl = new X509CRLHolder(Files.readAllBytes(out.resolve("root.crl")));
    assertThat(crl.getRevokedCertificate(Results.certificate(made, "web").getSerialNumber()))
        .isNotNull();
  }

  /** What the root, which has path length 2 and ends with 2045, does not certify. */
  static Stream<Arguments> beyondTheRoot() {
    return Stream.of(
        Arguments.of(
            "notAfter: 2032-01-01T00:00:00Z",
            "notAfter: 2046-01-02T00:00:00Z",
            "second-web: notAfter must lie between"),
        Arguments.of("pathLength: 0", "pathLength: 2", "second-web: the path length of issuer"),
        Arguments.of("    pathLength: 0\n", "", "second-web: the path length of issuer"));
  }

  @ParameterizedTest
  @MethodSource("beyondTheRoot")
  @DisplayName("is refused by check, rehearsal and run when the root could not certify all of it")
  void beyondTheRoot(String before, String after, String reason) throws Exception {
    writePlan("second", made.tokenSerial().orElseThrow());
    Path file = second.in().resolve(CeremonyPlan.FILE);
    String text = Files.readString(file);
    assertThat(text).contains(before);
    Files.writeString(file, text.replace(before, after));

    requireNotCertified(reason);
  }

  @Test
  @DisplayName("is refused by check, rehearsal and run when the root does not permit a name")
  void beyondTheNames() throws Exception {
    NameConstraints names =
        new NameConstraints(
            new GeneralSubtree[] {new GeneralSubtree(new GeneralName(new X500Name("O=Others")))},
            null);
    second.write(
        "root.pem",
        CeremonyScene.root(
            "O=Tests,CN=Test Root",
            new Extension(Extension.nameConstraints, true, names.getEncoded("DER"))));
    writePlan("second", made.tokenSerial().orElseThrow());

    requireNotCertified("second-web: the issuer's name constraints do not allow the subject");
  }

  private void requireNotCertified(String reason) throws Exception {
    CeremonyTool tool =
        new CeremonyTool(CeremonyScene.SILENT, second.clock, new SecureRandom(), "test");
    assertThatThrownBy(() -> tool.checkPlan(second.in()))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining(reason);
    assertThatThrownBy(() -> rehearse("second"))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining(reason);
    second.prepare();
    Path out = folder.resolve("second-out");
    requireRefused(out, reason);
    assertThat(state(out).lines().stream().map(TranscriptLine::entry))
        .noneMatch(TranscriptState::isAct);
  }

  @Test
  @DisplayName("is rehearsed with a root of the same end, path length and names")
  void standIn() throws Exception {
    plan(made.tokenSerial().orElseThrow());

    X509CertificateHolder stands =
        Results.certificate(state(folder.resolve("rehearsal-second")), CeremonyPlan.ROOT);
    X509CertificateHolder root = Results.certificate(made, CeremonyPlan.ROOT);
    assertThat(stands.getNotAfter()).isEqualTo(root.getNotAfter());
    assertThat(Keys.pathLength(stands)).hasValue(2);
    NameConstraints names =
        new NameConstraints(
            new GeneralSubtree[] {
              new GeneralSubtree(new GeneralName(GeneralName.dNSName, "example.internal"))
            },
            null);
    String constrained =
        CeremonyScene.root(
            "O=Tests,CN=Test Root",
            new Extension(Extension.nameConstraints, true, names.getEncoded("DER")));
    assertThat(
            Rehearsal.root(
                    new KeyId("726f6f74"),
                    Keys.certificate("root.pem", constrained.getBytes(StandardCharsets.US_ASCII)))
                .nameConstraints())
        .contains(names);
  }

  @Test
  @DisplayName("is refused with a token of another serial number")
  void otherToken() throws Exception {
    plan("0000000000000000");
    Path out = folder.resolve("second-out");
    Ceremony ceremony = ceremony(out);

    assertThatThrownBy(ceremony::run).hasMessageContaining("0000000000000000");
    assertThat(state(out).items()).isEmpty();
  }

  @Test
  @DisplayName("is refused with another root's certificate")
  void otherRoot() throws Exception {
    second.write("root.pem", Files.readString(second.in().resolve("old.pem")));
    plan(made.tokenSerial().orElseThrow());
    Path out = folder.resolve("second-out");
    Ceremony ceremony = ceremony(out);

    assertThatThrownBy(ceremony::run).hasMessageContaining("726f6f74");
    assertThat(state(out).items()).isEmpty();
  }
}
