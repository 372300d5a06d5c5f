package dev.chancery.deploy;

import static dev.chancery.deploy.Chart.EVALUATION;
import static dev.chancery.deploy.Chart.PRODUCTION;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.yaml.snakeyaml.Yaml;

/** The chart, linted and rendered by Helm, its manifests checked by Kubernetes' schemas. */
class ChartTest {
  @TempDir private Path folder;

  private Manifests manifests(String values) throws IOException {
    return Manifests.read(Chart.rendered(values, folder));
  }

  @Test
  void helmFindsNothingToSayAgainstIt() throws IOException {
    // Lint renders with the chart's own values, which need to be completed.
    Path copy = folder.resolve("chart");
    copy(Chart.FOLDER, copy);
    Files.writeString(
        copy.resolve("values.yaml"),
        Files.readString(copy.resolve("values.yaml"))
            .replace("evaluation:\n  enabled: false", "evaluation:\n  enabled: true")
            .replace("persistence:\n  enabled: false", "persistence:\n  enabled: true"));

    LintResult result = new Helm(copy).lint().strict().call();

    assertThat(result.isFailed()).as("%s", result.getMessages()).isFalse();
  }

  @Test
  void anEvaluationNeedsTwoValuesAndMakesEverything() throws IOException {
    Manifests manifests = manifests(EVALUATION);

    manifests.requireValid();
    assertThat(manifests.custom()).isEmpty();
    assertThat(manifests.kinds())
        .containsExactlyInAnyOrder(
            "Deployment",
            "Service",
            "Service",
            "ServiceAccount",
            "NetworkPolicy",
            "PersistentVolumeClaim");
    Map<String, Object> deployment = manifests.only("Deployment", "ca-chancery");
    Object pod = Manifests.at(deployment, "spec", "template", "spec");
    assertThat(Manifests.at(pod, "initContainers", 0, "args"))
        .isEqualTo(
            List.of(
                "init",
                "--home",
                "/var/lib/chancery/home",
                "--development-key-store",
                "--set",
                "listeners.management.host=0.0.0.0",
                "--set",
                "externalUrls.public=http://ca-chancery.pki.svc",
                "--set",
                "externalUrls.api=https://ca-chancery.pki.svc",
                "--set",
                "vault.enabled=true",
                "--set",
                "acme.endpoints.default.externalAccountBinding=optional"));
    assertThat(Manifests.at(deployment, "spec", "strategy", "type")).isEqualTo("Recreate");
  }

  @Test
  void productionIsGivenTokenCertificatesAndDatabase() throws IOException {
    Manifests manifests = manifests(PRODUCTION);

    manifests.requireValid();
    // CustomResourcesIT checks these.
    assertThat(manifests.custom())
        .extracting(manifest -> manifest.get("kind"))
        .containsExactlyInAnyOrder("ServiceMonitor", "PrometheusRule", "Bundle");
    assertThat(manifests.kinds())
        .contains("PodDisruptionBudget", "NetworkPolicy", "ClusterRoleBinding");
    Map<String, Object> pod =
        Manifests.mapping(
            Manifests.at(manifests.only("Deployment", "ca-chancery"), "spec", "template", "spec"));
    assertThat(Manifests.at(pod, "containers", 0, "image"))
        .isEqualTo("registry.example.internal/chancery@sha256:" + "0".repeat(64));
    assertThat(Manifests.at(pod, "automountServiceAccountToken")).isEqualTo(true);
    Map<String, Object> configuration =
        new Yaml()
            .load(
                (String)
                    Manifests.at(
                        manifests.only("ConfigMap", "ca-chancery"), "data", "chancery.yaml"));
    assertThat(configuration)
        .containsEntry(
            "token",
            Map.of(
                "library", "/opt/vendor/module.so",
                "label", "issuing",
                "place", "process",
                "pinFile", "/etc/chancery/pin/pin",
                "environment", Map.of("VENDOR_CONF", "/opt/vendor/module.conf")))
        .containsEntry(
            "database",
            Map.of(
                "url", "jdbc:postgresql://db.example.internal/chancery",
                "user", "chancery",
                "passwordFile", "/etc/chancery/database/password"))
        .containsEntry("listeners", Map.of("management", Map.of("host", "0.0.0.0")));
    assertThat(Manifests.at(configuration, "acme", "bindingKeyFile"))
        .isEqualTo("/etc/chancery/binding/binding.key");
    assertThat(Manifests.at(configuration, "vault", "tokenKeyFile"))
        .isEqualTo("/etc/chancery/vault/token.key");
    assertThat(Manifests.at(configuration, "vault", "enabled")).isEqualTo(true);
    assertThat(Manifests.at(configuration, "acme", "endpoints", "default", "profile"))
        .isEqualTo("tls-server");
  }

  @ParameterizedTest
  @CsvSource({"initContainers", "containers"})
  void noContainerCanBecomeMoreThanItIs(String containers) throws IOException {
    for (String values : List.of(EVALUATION, PRODUCTION)) {
      Object pod =
          Manifests.at(
              manifests(values).only("Deployment", "ca-chancery"), "spec", "template", "spec");

      assertThat(Manifests.mapping(Manifests.at(pod, "securityContext")))
          .containsEntry("runAsNonRoot", true)
          .containsEntry("runAsUser", 65532)
          .containsEntry("seccompProfile", Map.of("type", "RuntimeDefault"));
      assertThat(Manifests.at(pod, containers, 0, "securityContext"))
          .isEqualTo(
              Map.of(
                  "allowPrivilegeEscalation", false,
                  "readOnlyRootFilesystem", true,
                  "capabilities", Map.of("drop", List.of("ALL"))));
    }
  }

  @Test
  void secretsAreMountedAndStandNowhere() throws IOException {
    String rendered = Chart.rendered(PRODUCTION, folder);

    assertThat(Manifests.read(rendered).kinds()).doesNotContain("Secret");
    assertThat(rendered)
        .contains(
            "secretName: token-pin",
            "secretName: database",
            "secretName: binding",
            "secretName: vault-token");
  }

  @Test
  void aChangedConfigurationReplacesThePods() throws IOException {
    assertThat(checksum(PRODUCTION))
        .isNotEqualTo(checksum(PRODUCTION.replace("tls-server", "short-lived")));
  }

  private Object checksum(String values) throws IOException {
    return Manifests.at(
        manifests(values).only("Deployment", "ca-chancery"),
        "spec",
        "template",
        "metadata",
        "annotations",
        "checksum/configuration");
  }

  @Test
  void theAlertsAreThoseOfTheConfiguration() throws IOException {
    Map<String, Object> rules = manifests(PRODUCTION).only("PrometheusRule", "ca-chancery");

    Map<String, Object> file = new Yaml().load(Files.readString(Path.of("../config/alerts.yaml")));
    assertThat(rules.get("spec")).isEqualTo(file);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "replicas: 2 | replicas: more than one needs PostgreSQL",
        "persistence: {enabled: false} | persistence.enabled: the embedded database",
        "database: {url: 'jdbc:postgresql://db/chancery'} | database.url: the evaluation keeps",
        "evaluation: {enabled: false} | : is needed; or evaluation.enabled",
        "trustBundle: {bundle: true} | trustBundle.roots: the bundle needs",
        "replicas: two | replicas",
        "replica: 1 | replica",
        "service: {type: Loadbalancer} | service",
      })
  void whatCannotWorkIsRefusedBeforeItIsInstalled(String values, String why) {
    assertThatThrownBy(() -> Chart.rendered(merged(EVALUATION, values), folder))
        .hasMessageContaining(why);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "token: {library: /a.so, label: '', pin: {secret: a}} | token.label or token.serial",
        "token: {library: '', label: a, pin: {secret: a}} | token.library: is needed",
        "certificates: {configMap: ''} | certificates.configMap: is needed",
        "profiles: {configMap: ''} | profiles.configMap: is needed",
        "configuration: {} | configuration.issuers: is needed",
        "configuration: {issuers: [{name: a}], token: {label: b}} | configuration.token: is set by",
        "configuration: {issuers: [{name: a}], acme: {bindingKeyFile: a}} | bindingKeyFile: is set"
            + " by",
        "vaultTokenKey: {secret: ''} | vaultTokenKey.secret: is needed",
        "{vaultTokenKey: {secret: ''}, replicas: 1} | vaultTokenKey.secret: is needed",
        "persistence: {enabled: true} | persistence.enabled: the volume is one pod's",
        "{vaultTokenKey: {secret: ''}, configuration: {issuers: [{name: a}], vault: {enabled: true,"
            + " tokenKeyFile: vault/token.key}}} | vaultTokenKey.secret: is needed",
        "{vaultTokenKey: {secret: ''}, configuration: {issuers: [{name: a}], vault: {enabled: true,"
            + " tokenKeyFile: /run/../var/lib/chancery/token.key}}} | vaultTokenKey.secret: is"
            + " needed",
        "{bindingKey: {secret: ''}, configuration: {issuers: [{name: a}], acme: {bindingKeyFile:"
            + " binding.key, endpoints: {a: {externalAccountBinding: required}}}}} |"
            + " bindingKey.secret: is needed",
        "{bindingKey: {secret: ''}, replicas: 1} | bindingKey.secret: is needed",
        "database: {url: ''} | replicas: more than one needs PostgreSQL",
      })
  void productionSaysWhatIsMissing(String values, String why) {
    assertThatThrownBy(() -> Chart.rendered(merged(PRODUCTION, values), folder))
        .hasMessageContaining(why);
  }

  @Test
  void oneReplicaWithAVolumeMakesItsKeysByItself() throws IOException {
    String values =
        "{bindingKey: {secret: ''}, vaultTokenKey: {secret: ''}, replicas: 1,"
            + " persistence: {enabled: true}}";

    String rendered = Chart.rendered(merged(PRODUCTION, values), folder);

    assertThat(rendered).doesNotContain("bindingKeyFile", "tokenKeyFile");
    // A second pod could not have the volume, or would write beside the first.
    assertThat(strategy(rendered)).isEqualTo(Map.of("type", "Recreate"));
    assertThat(strategy(Chart.rendered(PRODUCTION, folder)))
        .isEqualTo(
            Map.of(
                "type",
                "RollingUpdate",
                "rollingUpdate",
                Map.of("maxUnavailable", 0, "maxSurge", 1)));
  }

  private static Object strategy(String rendered) {
    return Manifests.at(
        Manifests.read(rendered).only("Deployment", "ca-chancery"), "spec", "strategy");
  }

  @Test
  void keysMayBeFilesOfAnotherMount() throws IOException {
    String values =
        "{vaultTokenKey: {secret: ''}, configuration: {issuers: [{name: a}], vault: {enabled: true,"
            + " tokenKeyFile: /run/secrets/token.key}}}";

    assertThat(Chart.rendered(merged(PRODUCTION, values), folder))
        .contains("tokenKeyFile: /run/secrets/token.key");
  }

  @Test
  void mayReviewTokensAndNothingElse() throws IOException {
    Manifests manifests = manifests(PRODUCTION);
    String name = "pki-ca-chancery-token-review";

    assertThat(manifests.only("ClusterRole", name).get("rules"))
        .isEqualTo(
            List.of(
                Map.of(
                    "apiGroups", List.of("authentication.k8s.io"),
                    "resources", List.of("tokenreviews"),
                    "verbs", List.of("create"))));
    assertThat(Manifests.at(manifests.only("ClusterRoleBinding", name), "roleRef", "name"))
        .isEqualTo(name);
  }

  @Test
  void endsAfterTheOthersKnowOfIt() throws IOException {
    Object pod =
        Manifests.at(
            manifests(PRODUCTION).only("Deployment", "ca-chancery"), "spec", "template", "spec");

    Object command = Manifests.at(pod, "containers", 0, "lifecycle", "preStop", "exec", "command");
    assertThat(command).isEqualTo(List.of("sleep", "5"));
    // Longer than that and a request to sign, which lasts 55 seconds at most.
    assertThat((Integer) Manifests.at(pod, "terminationGracePeriodSeconds")).isGreaterThan(60);
  }

  /** One set of values with some top keys of another in place of its own. */
  private static String merged(String values, String others) {
    Map<String, Object> all = new Yaml().load(values);
    all.putAll(new Yaml().<Map<String, Object>>load(others));
    return new Yaml().dump(all);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (var files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target);
        }
      }
    }
  }
}
