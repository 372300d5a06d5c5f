package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("config/chancery.yaml, the reference")
class ReferenceConfigurationTest {
  /** What has no default. */
  private static final Map<String, String> NEEDED =
      Map.of(
          "token.library", "/lib/token.so",
          "token.label", "chancery",
          "token.pinFile", "token/chancery.pin",
          "roots", "[root.pem]",
          "issuers", "[{name: issuing, certificate: ca/issuing.pem, keyId: aa, ocspKeyId: bb}]",
          "acme.endpoints", "{default: {issuer: issuing, profile: tls-server}}");

  @Test
  @DisplayName("says of every key the value that it has when it is left out")
  void defaults() throws Exception {
    Configuration reference = ConfigurationFile.read(Path.of("../config/chancery.yaml"), NEEDED);

    Configuration standard = ConfigurationFile.future(Path.of("none"), "{}", NEEDED);

    assertThat(reference.listeners()).isEqualTo(standard.listeners());
    assertThat(reference.externalUrls()).isEqualTo(standard.externalUrls());
    assertThat(reference.database()).isEqualTo(standard.database());
    assertThat(reference.token()).isEqualTo(standard.token());
    assertThat(reference.profiles()).isEqualTo(standard.profiles());
    assertThat(reference.blockedKeys()).isEqualTo(standard.blockedKeys());
    assertThat(reference.acme().renewalRetryAfter()).isEqualTo(standard.acme().renewalRetryAfter());
    assertThat(reference.acme().validation()).isEqualTo(standard.acme().validation());
    assertThat(reference.acme().bindingKeyFile()).isEqualTo(standard.acme().bindingKeyFile());
    assertThat(reference.acme().retention()).isEqualTo(standard.acme().retention());
    assertThat(reference.vault()).isEqualTo(standard.vault());
    assertThat(reference.crl()).isEqualTo(standard.crl());
    assertThat(reference.ocsp()).isEqualTo(standard.ocsp());
    assertThat(reference.revocation()).isEqualTo(standard.revocation());
  }
}
