package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.Yaml;

@DisplayName("The trust bundle as a manifest")
class BundleManifestTest {
  private static final String PEM =
      """
      -----BEGIN CERTIFICATE-----
      AAAA
      -----END CERTIFICATE-----
      -----BEGIN CERTIFICATE-----
      BBBB
      -----END CERTIFICATE-----
      """;

  private static Map<String, Object> read(BundleManifest manifest, String format)
      throws WrongUsage {
    return new Yaml().load(manifest.of(format, PEM));
  }

  @Test
  @DisplayName("is a ConfigMap whose ca.crt is the bundle, octet for octet")
  void configMap() throws Exception {
    assertThat(read(new BundleManifest("roots", Optional.of("web")), "configmap"))
        .containsEntry("kind", "ConfigMap")
        .containsEntry("metadata", Map.of("name", "roots", "namespace", "web"))
        .containsEntry("data", Map.of("ca.crt", PEM));
    assertThat(read(new BundleManifest("roots", Optional.empty()), "configmap"))
        .containsEntry("metadata", Map.of("name", "roots"));
  }

  @Test
  @DisplayName("is a Bundle of trust-manager with the bundle in line")
  void trustManager() throws Exception {
    Map<String, Object> bundle =
        read(new BundleManifest("roots", Optional.empty()), "trust-manager");
    assertThat(bundle).containsEntry("apiVersion", "trust.cert-manager.io/v1alpha1");
    assertThat(bundle.get("spec"))
        .hasToString("{sources=[{inLine=" + PEM + "}], target={configMap={key=ca.crt}}}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Roots", "-a", "a-", "a\nb", "a: b"})
  @DisplayName("has no name that Kubernetes would not take")
  void names(String name) {
    assertThatThrownBy(() -> new BundleManifest(name, Optional.empty()))
        .isInstanceOf(WrongUsage.class);
    assertThatThrownBy(() -> new BundleManifest("roots", Optional.of(name)))
        .isInstanceOf(WrongUsage.class);
  }
}
