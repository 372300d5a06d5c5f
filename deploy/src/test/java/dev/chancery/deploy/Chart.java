package dev.chancery.deploy;

import com.marcnuri.helm.Helm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The chart, as Helm renders it with the values of its two uses. */
final class Chart {
  static final Path FOLDER = Path.of("chart").toAbsolutePath();

  static final String PRODUCTION =
      """
      image: {repository: registry.example.internal/chancery, digest: "sha256:%s"}
      replicas: 2
      externalUrls: {public: "http://pki.example.internal", api: "https://acme.example.internal"}
      configuration:
        roots: [/etc/chancery/certificates/root.pem]
        issuers:
          - {name: issuing, certificate: /etc/chancery/certificates/issuing.pem, keyId: "01", ocspKeyId: "02"}
        profiles: /etc/chancery/profiles
        acme:
          endpoints:
            default: {issuer: issuing, profile: tls-server, externalAccountBinding: required}
        vault: {enabled: true, clusters: {kubernetes: {server: "https://kubernetes.default.svc"}}}
      certificates: {configMap: pki-certificates}
      profiles: {configMap: pki-profiles}
      token:
        library: /opt/vendor/module.so
        label: issuing
        pin: {secret: token-pin}
        environment: {VENDOR_CONF: /opt/vendor/module.conf}
      database:
        url: jdbc:postgresql://db.example.internal/chancery
        password: {secret: database}
      bindingKey: {secret: binding}
      vaultTokenKey: {secret: vault-token}
      extraVolumes: [{name: vendor, hostPath: {path: /opt/vendor}}]
      extraVolumeMounts: [{name: vendor, mountPath: /opt/vendor, readOnly: true}]
      extraEnv: [{name: VENDOR_DEBUG, value: "0"}]
      javaOptions: -Xmx512m
      serviceAccount: {tokenReview: true}
      serviceMonitor: {enabled: true, labels: {release: prometheus}}
      prometheusRule: {enabled: true}
      networkPolicy:
        metricsFrom: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
      trustBundle: {bundle: true, roots: "-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n"}
      nodeSelector: {hsm: "true"}
      tolerations: [{key: hsm, operator: Exists}]
      """
          .formatted("0".repeat(64));

  static final String EVALUATION =
      """
      evaluation: {enabled: true}
      persistence: {enabled: true}
      """;

  private Chart() {}

  /** The manifests in one text; the values are kept in the folder. */
  static String rendered(String values, Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("values.yaml"), values);
    return new Helm(FOLDER)
        .template()
        .withName("ca")
        .withNamespace("pki")
        .withKubeVersion("v1.31.0")
        .withValuesFile(file)
        .call();
  }
}
