package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.server.ConfigurationInvalid;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("A plan")
class PlanFileTest {
  private static final Path FILE = Path.of("plan.yaml");
  private static final String SIGNERS =
      """
          anna ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA
          bert sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaA== bert at home
      """
          .stripTrailing();

  private static CeremonyPlan read(String text, boolean rehearsal) throws Exception {
    return PlanFile.read(FILE, text.getBytes(StandardCharsets.UTF_8), rehearsal);
  }

  private static String text() {
    return CeremonyScene.PLAN.formatted(SIGNERS).replaceAll("@[a-z.]+@", "0".repeat(64));
  }

  @Test
  @DisplayName("is read, and said in plain words")
  void words() throws Exception {
    CeremonyPlan plan = read(text(), false);

    assertThat(plan.items())
        .extracting(CeremonyPlan.Item::name)
        .containsExactly("web", "old-by-new", "root-ocsp");
    assertThat(plan.inputs())
        .extracting(CeremonyPlan.Input::file)
        .containsExactly("web.csr", "old.pem", "ocsp.csr");
    assertThat(Words.plan(plan))
        .contains(
            "2 of these witnesses must sign: anna, bert.",
            "Token \"test-root\" will be initialized.",
            "  revoked: 0a0b at 2026-01-02T00:00:00Z, superseded",
            "Nothing else will be signed.")
        .anyMatch(line -> line.startsWith("web: a CA O=Tests,CN=Web CA with the ec-p256 key of"))
        .anyMatch(line ->
            line.endsWith(
                "no CA below it, for DNS names only in example.internal, and any names of kinds"
                    + " that are not named here."));
  }

  @Test
  @DisplayName("of a rehearsal has REHEARSAL in every name")
  void rehearsal() throws Exception {
    assertThat(Words.plan(read(text(), true)))
        .filteredOn(line -> line.contains("CN="))
        .hasSize(3)
        .allMatch(line -> line.contains("CN=REHEARSAL "));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "name: test-root | name: Test Root | a name is 1 to 40 lower-case letters",
        "name: test-root | nome: test-root | name is missing",
        "offline: false | offline: perhaps | neither true nor false",
        "offline: false | color: red | unknown key color",
        "initialize: true} | initialize: true, marks: all} | only none can stand here",
        "until: 2027-01-01T00:00:00Z | until: 2025-01-01T00:00:00Z | from is not before until",
        "until: 2027-01-01T00:00:00Z | until: 2027-01-01 | not a time such as",
        "until: 2027-01-01T00:00:00Z | until: 2027-01-01T00:00:00.5Z | not a time such as",
        "threshold: 2 | threshold: 3 | 3 of 2 witnesses",
        "threshold: 2 | threshold: 0 | 0 of 2 witnesses",
        "anna ssh-ed25519 | *@home ssh-ed25519 | each line must be a name",
        "anna ssh-ed25519 | anna cert-authority ssh-ed25519 | each line must be a name",
        "bert sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaA== | anna ssh-rsa BBBB | two witnesses are",
        "bert sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaA== | bert ssh-ed25519"
            + " AAAAC3NzaC1lZDI1NTE5AAAAIA | two witnesses have the same key",
        "initialize: true | initialize: false | must be named by its serial number too",
        "key: ec-p256 | key: ec-p521 | not one of ec-p256",
        "keyId: \"726f6f74\" | keyId: root | a key id is 1 to 64 octets",
        "commonName: Test Root | commonName: \"\" | a value has 1 to 54 characters",
        "csr: web.csr | csr: ../web.csr | not the plain name of a file",
        "csr: web.csr | csr: plan.yaml | not the plain name of a file",
        "csr: web.csr | csr: web.pem | cannot be called web.pem",
        "csr: web.csr | csr: root.crl | cannot be called root.crl",
        "csr: web.csr | csr: transcript.jsonl | cannot be called transcript.jsonl",
        "csr: web.csr | csr: transcript.txt | cannot be called transcript.txt",
        "csr: web.csr | csr: rehearsal.jsonl | cannot be called rehearsal.jsonl",
        "csr: web.csr | csr: MANIFEST | cannot be called MANIFEST",
        "csr: web.csr | csr: plan.yaml.ann.sig | cannot be called plan.yaml.ann.sig",
        "certificate: old.pem | certificate: root.pem | cannot be called root.pem",
        "certificate: old.pem | certificate: old-by-new.pem | cannot be called old-by-new.pem",
        "sha256: \"0000 | sha256: \"000g | not a SHA-256 digest",
        "sha256: \"0000 | sha512: \"0000 | sha256 is missing",
        "dns: [example.internal] | dns: [\"*.example.internal\"] | a domain has no wildcard",
        "dns: [example.internal] | ip: [10.0.0.1/8] | bits set after the prefix",
        "dns: [example.internal] | dns: [] | nothing is constrained",
        "name: old-by-new | name: web | two items are called web",
        "name: old-by-new | name: crl | two items are called crl",
        "notAfter: 2031-01-01T00:00:00Z | notAfter: 2047-01-01T00:00:00Z | after the root's",
        "notAfter: 2031-01-01T00:00:00Z | notAfter: 2026-12-01T00:00:00Z | web.notAfter is less"
            + " than a day after until",
        "notAfter: 2031-01-01T00:00:00Z | notAfter: 2027-01-01T23:59:59Z | web.notAfter is less"
            + " than a day after until",
        "notAfter: 2046-01-01T00:00:00Z | notAfter: 2027-01-01T23:59:59Z | root.notAfter is less"
            + " than a day after until",
        "number: 7 | number: -7 | not a number of 1 to 38 digits",
        "validity: 365d | validity: 1m | validity is under an hour",
        "validity: 365d | validity: PT2160H0.5S | not a number of whole seconds: PT2160H0.5S",
        "serial: 0a0b | serial: 0x0b | not a serial number",
        "reason: superseded | reason: boredom | not a reason of RFC 5280",
        "reason: superseded | reason: removeFromCRL | for which a root revokes: removeFromCRL",
        "reason: superseded | reason: certificateHold | for which a root revokes: certificateHold",
        "reason: superseded}] | reason: superseded}, {serial: 0a0b, at: 2026-01-03T00:00:00Z,"
            + " reason: keyCompromise}] | serial 0a0b stands there twice",
        "http://pki.example/crl/root.crl | ftp://pki.example/root.crl | not an http URL",
      })
  @DisplayName("that is wrong is refused with the line and the reason")
  void refused(String before, String after, String reason) {
    assertThat(text()).contains(before);
    String changed = text().replaceFirst(Pattern.quote(before), Matcher.quoteReplacement(after));

    assertThatThrownBy(() -> read(changed, false))
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageStartingWith("plan.yaml:")
        .hasMessageContaining(reason);
  }

  @Test
  @DisplayName("is read when an item ends a day after until, and the CRL's validity is ISO 8601")
  void shortest() throws Exception {
    CeremonyPlan plan =
        read(
            text()
                .replace("notAfter: 2031-01-01T00:00:00Z", "notAfter: 2027-01-02T00:00:00Z")
                .replace("validity: 365d", "validity: PT2160H1S"),
            false);

    assertThat(plan.items().getFirst().notAfter()).isEqualTo("2027-01-02T00:00:00Z");
    assertThat(plan.crl().orElseThrow().validity()).isEqualTo(Duration.ofSeconds(7_776_001));
  }

  @Test
  @DisplayName("that gives one file two digests is refused")
  void twoDigests() {
    String changed =
        text()
            .replace("csr: ocsp.csr", "csr: web.csr")
            .replaceFirst("\"" + "0".repeat(64), "\"" + "1".repeat(64));

    assertThatThrownBy(() -> read(changed, false))
        .hasMessageContaining("one file stands there with two digests");
  }

  @Test
  @DisplayName("of any octets is read or refused, and nothing else")
  void anyOctets() {
    byte[] plan = text().getBytes(StandardCharsets.UTF_8);
    Random random = new Random(20261125);
    for (int i = 0; i < 2000; i++) {
      byte[] changed = plan.clone();
      for (int n = 0; n <= i % 4; n++) {
        changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
      }
      try {
        PlanFile.read(FILE, changed, (i & 1) == 0);
      } catch (ConfigurationInvalid e) {
        assertThat(e).hasMessageStartingWith("plan.yaml");
      }
    }
  }

  @Test
  @DisplayName("that is too long is refused")
  void tooLong() {
    assertThatThrownBy(() -> PlanFile.read(FILE, new byte[65 * 1024], false))
        .hasMessageContaining("longer than 65536 octets");
  }
}
