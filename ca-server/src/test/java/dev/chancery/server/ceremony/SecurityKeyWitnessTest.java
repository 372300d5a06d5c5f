package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.util.Base64;
import java.util.List;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A witness whose key is in a FIDO token. The token is made of software here, and signs as one does
 * that was touched: OpenSSH's PROTOCOL.u2f and PROTOCOL.sshsig.
 */
@DisplayName("A witness with a FIDO key")
class SecurityKeyWitnessTest {
  private static final String KIND = "sk-ssh-ed25519@openssh.com";
  private static final String APPLICATION = "ssh:";
  private static final int TOUCHED = 0x01;
  private static final byte[] PLAN = "name: test\n".getBytes(StandardCharsets.UTF_8);

  @TempDir Path folder;
  private KeyPair keys;
  private Witnesses witnesses;

  @BeforeEach
  void make() throws Exception {
    keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    witnesses = Witnesses.parse(1, "bert " + KIND + " " + base64(publicKey()) + " bert@desk");
    Files.write(folder.resolve(CeremonyPlan.FILE), PLAN);
  }

  private List<String> signed(byte[] signature) throws Exception {
    Files.writeString(
        folder.resolve("plan.yaml.bert.sig"),
        "-----BEGIN SSH SIGNATURE-----\n%s\n-----END SSH SIGNATURE-----\n"
            .formatted(base64(signature).replaceAll("(.{70})", "$1\n").strip()));
    return witnesses.require(new Folder(folder), CeremonyPlan.FILE, Witnesses.Purpose.PLAN);
  }

  @Test
  @DisplayName("counts as any other")
  void counts() throws Exception {
    assertThat(signed(signature(PLAN, "chancery-plan", 7, 7))).containsExactly("bert");
  }

  @Test
  @DisplayName("signs these octets, for this purpose, with this counter, by this key")
  void nothingElse() throws Exception {
    byte[] other = "name: other\n".getBytes(StandardCharsets.UTF_8);
    KeyPair known = keys;
    for (byte[] wrong :
        List.of(
            signature(other, "chancery-plan", 7, 7),
            signature(PLAN, "chancery-transcript", 7, 7),
            signature(PLAN, "chancery-plan", 7, 8))) {
      assertThatThrownBy(() -> signed(wrong))
          .hasMessageContaining("plan.yaml.bert.sig: not the signature of witness bert");
    }

    keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    assertThat(keys).isNotEqualTo(known);
    assertThatThrownBy(() -> signed(signature(PLAN, "chancery-plan", 7, 7)))
        .hasMessageContaining("plan.yaml.bert.sig: not the signature of witness bert");
  }

  /**
   * The file that ssh-keygen(1) would write.
   *
   * @param counted the counter that the token signs
   * @param said the counter that the file says
   */
  private byte[] signature(byte[] content, String purpose, int counted, int said)
      throws IOException, GeneralSecurityException {
    Blob message = new Blob("SSHSIG").string(purpose).string("").string("sha512");
    message.string(digest("SHA-512", content));
    Signature token = Signature.getInstance("Ed25519");
    token.initSign(keys.getPrivate());
    token.update(digest("SHA-256", APPLICATION.getBytes(StandardCharsets.US_ASCII)));
    token.update(new Blob("").octet(TOUCHED).number(counted).octets());
    token.update(digest("SHA-256", message.octets()));
    byte[] inner =
        new Blob("").string(KIND).string(token.sign()).octet(TOUCHED).number(said).octets();
    return new Blob("SSHSIG")
        .number(1)
        .string(publicKey())
        .string(purpose)
        .string("")
        .string("sha512")
        .string(inner)
        .octets();
  }

  private byte[] publicKey() throws IOException {
    byte[] point =
        SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded())
            .getPublicKeyData()
            .getBytes();
    return new Blob("").string(KIND).string(point).string(APPLICATION).octets();
  }

  private static byte[] digest(String algorithm, byte[] octets) throws GeneralSecurityException {
    return MessageDigest.getInstance(algorithm).digest(octets);
  }

  private static String base64(byte[] octets) {
    return Base64.getEncoder().encodeToString(octets);
  }

  /** Values as RFC 4251 section 5 has them, one after the other. */
  private static final class Blob {
    private final ByteArrayOutputStream octets = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(octets);

    Blob(String preamble) throws IOException {
      out.write(preamble.getBytes(StandardCharsets.US_ASCII));
    }

    Blob string(String text) throws IOException {
      return string(text.getBytes(StandardCharsets.US_ASCII));
    }

    Blob string(byte[] value) throws IOException {
      out.writeInt(value.length);
      out.write(value);
      return this;
    }

    Blob number(int value) throws IOException {
      out.writeInt(value);
      return this;
    }

    Blob octet(int value) throws IOException {
      out.writeByte(value);
      return this;
    }

    byte[] octets() {
      return octets.toByteArray();
    }
  }
}
