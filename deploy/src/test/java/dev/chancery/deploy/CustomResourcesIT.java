package dev.chancery.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("Manifests of other projects' resources, by the schemas that those publish")
class CustomResourcesIT {
  @TempDir static Path schemasFolder;
  private static CustomResources schemas;

  @TempDir Path folder;

  @BeforeAll
  static void install() throws Exception {
    schemas = CustomResources.install(schemasFolder);
  }

  @Test
  @DisplayName("the chart's ServiceMonitor, PrometheusRule and Bundle")
  void chart() throws Exception {
    Manifests manifests = Manifests.read(Chart.rendered(Chart.PRODUCTION, folder));

    assertThat(manifests.custom()).hasSize(3);
    assertThat(schemas.faults(manifests.custom())).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"clusterissuer-acme.yaml", "clusterissuer-vault.yaml"})
  @DisplayName("the example issuers and certificates")
  void examples(String file) throws Exception {
    Manifests manifests = Manifests.read(filledIn(Files.readString(Path.of("examples", file))));

    assertThat(manifests.custom()).hasSizeGreaterThan(2);
    assertThat(schemas.faults(manifests.custom())).isEmpty();
  }

  @Test
  @DisplayName("the issuers and certificates that the documentation shows")
  void documentation() throws Exception {
    Matcher block =
        Pattern.compile("```yaml\n((?:apiVersion|spec):.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("../docs/cert-manager.md")));
    int shown = 0;
    while (block.find()) {
      String text = block.group(1);
      String whole =
          text.startsWith("spec:")
              ? "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: a}\n" + text
              : text;
      Manifests manifests = Manifests.read(filledIn(whole));
      shown += manifests.custom().size();
      assertThat(schemas.faults(manifests.custom())).describedAs(text).isEmpty();
    }
    assertThat(shown).isGreaterThanOrEqualTo(3);
  }

  /** With what its readers are told to put in. */
  private static String filledIn(String text) {
    assertThat(text).contains("BASE64-OF-ROOT-PEM");
    return text.replace("BASE64-OF-ROOT-PEM", "LS0tLS1CRUdJTg==");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'path: approle, '| | required",
        "appRole:|appRoles:| appRoles",
        "server: https://ca-chancery.pki.svc|server: 1| number",
        "kind: ClusterIssuer|kind: ClusterIssue| ClusterIssue",
        "cert-manager.io/v1|cert-manager.io/v0| no schema",
      })
  @DisplayName("what is missing, unknown or of another type is a fault")
  void faults(String right, String wrong, String says) throws Exception {
    String text =
        """
        apiVersion: cert-manager.io/v1
        kind: ClusterIssuer
        metadata: {name: a}
        spec:
          vault:
            server: https://ca-chancery.pki.svc
            path: pki/sign/web
            auth:
              appRole: {path: approle, roleId: a, secretRef: {name: a, key: b}}
        """;
    assertThat(schemas.faults(Manifests.read(text).custom())).isEmpty();

    String changed = text.replace(right, wrong == null ? "" : wrong);

    assertThat(changed).isNotEqualTo(text);
    assertThat(schemas.faults(Manifests.read(changed).custom())).contains(says);
  }

  @Test
  @DisplayName("forms that types do not tell are looked at as well")
  void forms() throws Exception {
    String monitor =
        """
        apiVersion: monitoring.coreos.com/v1
        kind: ServiceMonitor
        metadata: {name: a}
        spec: {selector: {}, endpoints: [{port: a, interval: 3 weeks}]}
        """;

    assertThat(schemas.faults(Manifests.read(monitor).custom())).contains("interval");
  }
}
