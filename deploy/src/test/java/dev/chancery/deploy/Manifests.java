package dev.chancery.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import io.kubernetes.client.openapi.models.V1ClusterRole;
import io.kubernetes.client.openapi.models.V1ClusterRoleBinding;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1Deployment;
import io.kubernetes.client.openapi.models.V1NetworkPolicy;
import io.kubernetes.client.openapi.models.V1PersistentVolumeClaim;
import io.kubernetes.client.openapi.models.V1PodDisruptionBudget;
import io.kubernetes.client.openapi.models.V1Service;
import io.kubernetes.client.openapi.models.V1ServiceAccount;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** Manifests as Kubernetes would read them. */
final class Manifests {
  private interface Schema {
    void check(JsonElement manifest) throws IOException;
  }

  private static final Map<String, Schema> SCHEMAS =
      Map.of(
          "apps/v1 Deployment", V1Deployment::validateJsonElement,
          "v1 ConfigMap", V1ConfigMap::validateJsonElement,
          "v1 Service", V1Service::validateJsonElement,
          "v1 ServiceAccount", V1ServiceAccount::validateJsonElement,
          "v1 PersistentVolumeClaim", V1PersistentVolumeClaim::validateJsonElement,
          "policy/v1 PodDisruptionBudget", V1PodDisruptionBudget::validateJsonElement,
          "networking.k8s.io/v1 NetworkPolicy", V1NetworkPolicy::validateJsonElement,
          "rbac.authorization.k8s.io/v1 ClusterRole", V1ClusterRole::validateJsonElement,
          "rbac.authorization.k8s.io/v1 ClusterRoleBinding",
              V1ClusterRoleBinding::validateJsonElement);

  private final List<Map<String, Object>> all;

  private Manifests(List<Map<String, Object>> all) {
    this.all = all;
  }

  /** Every document of a text; one name twice in a mapping is refused. */
  static Manifests read(String text) {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    List<Map<String, Object>> all = new ArrayList<>();
    for (Object document : new Yaml(new SafeConstructor(options)).loadAll(text)) {
      if (document != null) {
        all.add(mapping(document));
      }
    }
    return new Manifests(all);
  }

  List<String> kinds() {
    return all.stream().map(manifest -> String.valueOf(manifest.get("kind"))).toList();
  }

  /** The only manifest of its kind whose name ends so. */
  Map<String, Object> only(String kind, String nameEnd) {
    List<Map<String, Object>> found =
        all.stream()
            .filter(manifest -> kind.equals(manifest.get("kind")))
            .filter(manifest ->
                String.valueOf(mapping(manifest.get("metadata")).get("name")).endsWith(nameEnd))
            .toList();
    assertThat(found).as(kind + " " + nameEnd + " in " + kinds()).hasSize(1);
    return found.getFirst();
  }

  /** Fails for a field of Kubernetes' own kinds that is unknown, has another type or is missing. */
  void requireValid() throws IOException {
    for (Map<String, Object> manifest : all) {
      Schema schema = SCHEMAS.get(kind(manifest));
      if (schema != null) {
        schema.check(new Gson().toJsonTree(manifest));
      }
    }
  }

  /** Those of custom resources, which {@link CustomResources} has the schemas of. */
  List<Map<String, Object>> custom() {
    return all.stream().filter(manifest -> !SCHEMAS.containsKey(kind(manifest))).toList();
  }

  private static String kind(Map<String, Object> manifest) {
    return manifest.get("apiVersion") + " " + manifest.get("kind");
  }

  /** What a path of names and list indexes leads to. */
  static Object at(Object from, Object... path) {
    Object here = from;
    for (Object step : path) {
      here =
          step instanceof Integer index
              ? ((List<?>) here).get(index)
              : Objects.requireNonNull(mapping(here).get(step), () -> step + " in " + from);
    }
    return here;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> mapping(Object value) {
    return (Map<String, Object>) value;
  }
}
