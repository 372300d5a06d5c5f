package dev.chancery.server;

import java.util.Optional;
import java.util.regex.Pattern;

/** The roots to trust as Kubernetes objects; they are text, so that nothing but a name varies. */
final class BundleManifest {
  // RFC 1123 labels, as Kubernetes names objects.
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?");

  private final String name;
  private final Optional<String> namespace;

  /**
   * A manifest.
   *
   * @throws WrongUsage when Kubernetes would not take one of the names
   */
  BundleManifest(String name, Optional<String> namespace) throws WrongUsage {
    if (!NAME.matcher(name).matches()) {
      throw new WrongUsage("a name is 1 to 63 lower-case letters, digits and inner hyphens");
    }
    if (namespace.isPresent() && !NAME.matcher(namespace.get()).matches()) {
      throw new WrongUsage("a namespace is 1 to 63 lower-case letters, digits and inner hyphens");
    }
    this.name = name;
    this.namespace = namespace;
  }

  /**
   * The roots in a format.
   *
   * @param format pem, configmap or trust-manager
   * @param pem the roots
   */
  String of(String format, String pem) throws WrongUsage {
    return switch (format) {
      case "pem" -> pem;
      case "configmap" ->
          """
          apiVersion: v1
          kind: ConfigMap
          metadata:
            name: %s
          %sdata:
            ca.crt: |
          %s\
          """
              .formatted(
                  name, namespace.map(it -> "  namespace: " + it + "\n").orElse(""), pem.indent(4));
      case "trust-manager" ->
          """
          apiVersion: trust.cert-manager.io/v1alpha1
          kind: Bundle
          metadata:
            name: %s
          spec:
            sources:
              - inLine: |
          %s  target:
              configMap:
                key: ca.crt
          """
              .formatted(name, pem.indent(8));
      default -> throw new WrongUsage("a format is pem, configmap or trust-manager");
    };
  }
}
