package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.hsm.KeyId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The keys that a home uses")
final class KeyUsesTest {
  @TempDir Path folder;

  @Test
  @DisplayName("are those of its configuration, and the later ones of an OCSP signer")
  void uses() throws Exception {
    Path directory = Files.createDirectory(folder.resolve("home"));
    Files.writeString(
        directory.resolve("chancery.yaml"),
        """
        token: {library: /lib/module.so, label: one, pinFile: pin}
        roots: [root.pem]
        issuers: [{name: issuing, certificate: ca/issuing.pem, keyId: "69", ocspKeyId: "6f"}]
        acme: {endpoints: {default: {issuer: issuing, profile: tls-server}}}
        """);
    KeyUses uses = KeyUses.of(Optional.of(Configuration.read(Home.open(directory), Map.of())));

    assertThat(uses.of(new KeyId("69"))).contains("issuer issuing");
    assertThat(uses.of(new KeyId("6f"))).contains("OCSP of issuing");
    assertThat(uses.of(new KeyId("6f01"))).contains("OCSP of issuing");
    assertThat(uses.of(new KeyId("6901"))).isEmpty();
    assertThat(uses.of(new KeyId("01"))).isEmpty();
    assertThat(KeyUses.of(Optional.empty()).of(new KeyId("6f"))).isEmpty();
  }
}
