package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.jopenlibs.vault.SslConfig;
import io.github.jopenlibs.vault.Vault;
import io.github.jopenlibs.vault.VaultConfig;
import io.github.jopenlibs.vault.VaultException;
import io.github.jopenlibs.vault.api.pki.Credential;
import io.github.jopenlibs.vault.api.pki.CredentialFormat;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("A client of Vault that others wrote")
class VaultClientTest {
  @TempDir Path folder;

  private static Vault client(VaultHome home, String token) throws VaultException {
    VaultConfig config =
        new VaultConfig()
            .address(home.addresses().apiUrl().toString())
            .sslConfig(
                new SslConfig().pemFile(home.directory.resolve("root.pem").toFile()).build());
    return Vault.create((token.isEmpty() ? config : config.token(token)).build(), 1);
  }

  @Test
  @DisplayName("logs in, has a CSR signed, reads CA, CRL, health and seal, and logs out")
  void exchanges() throws Exception {
    try (VaultHome home = VaultHome.serve(folder.resolve("home"), Map.of())) {
      home.command(
          "role", "create", "web", "--issuer=issuing", "--profile=tls-server", "--name=dns:a.test");
      JsonNode secret = home.command("role", "credential", "create", "web");
      Vault stranger = client(home, "");
      String token =
          stranger
              .auth()
              .loginByAppRole(secret.path("roleId").asText(), secret.path("secret").asText())
              .getAuthClientToken();
      Vault vault = client(home, token);
      assertThat(vault.auth().lookupSelf().getId()).isEqualTo(token);
      assertThat(vault.auth().lookupSelf().getPolicies()).containsExactly("web");

      TestCsr csr = TestCsr.forName("www.a.test");
      Credential issued =
          vault
              .pki()
              .issue(
                  "web", "www.a.test", List.of(), List.of(), "24h", CredentialFormat.PEM, csr.pem())
              .getCredential();

      X509Certificate leaf = VaultHome.certificate(issued.getCertificate());
      assertThat(leaf.getPublicKey()).isEqualTo(csr.keys().getPublic());
      X509Certificate issuing = VaultHome.certificate(issued.getIssuingCa());
      leaf.verify(issuing.getPublicKey());
      Map<String, String> authority = vault.logical().read("pki/cert/ca").getData();
      assertThat(VaultHome.certificate(authority.get("certificate"))).isEqualTo(issuing);
      String crl = vault.logical().read("pki/cert/crl").getData().get("certificate");
      ((X509CRL)
              CertificateFactory.getInstance("X.509")
                  .generateCRL(new ByteArrayInputStream(crl.getBytes(StandardCharsets.US_ASCII))))
          .verify(issuing.getPublicKey());
      assertThat(
              VaultHome.certificate(
                  vault
                      .logical()
                      .read("pki/cert/" + issued.getSerialNumber())
                      .getData()
                      .get("certificate")))
          .isEqualTo(leaf);
      assertThat(stranger.debug().health().getSealed()).isFalse();
      assertThat(stranger.sys().seal().sealStatus().getSealed()).isFalse();

      vault.auth().revokeSelf();
      assertThatThrownBy(() -> vault.auth().lookupSelf())
          .isInstanceOfSatisfying(
              VaultException.class,
              refused -> assertThat(refused.getHttpStatusCode()).isEqualTo(403));
      assertThatThrownBy(
              () -> stranger.auth().loginByAppRole(secret.path("roleId").asText(), "wrong"))
          .isInstanceOfSatisfying(
              VaultException.class,
              refused -> assertThat(refused.getHttpStatusCode()).isEqualTo(400));
    }
  }
}
