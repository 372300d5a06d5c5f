package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** A served home whose issuing CA may have CAs below it, and the Vault-shaped API of it. */
final class VaultHome implements AutoCloseable {
  /** Certifies names of every kind, and the subject as it comes. */
  private static final String WORKLOAD =
      """
      description: workload
      keyAlgorithms: [ec-p256, rsa-2048]
      validity: {standard: 90d, shortest: 1h, longest: 100d, backdate: 5m}
      subject: requested
      names:
        kinds: [dns, ip, uri, email, other]
        most: 20
        wildcards: true
        dns: {allow: ["*"]}
        ip: {allow: [0.0.0.0/0, "::/0"]}
        uri: {allow: ["*"]}
        email: {allow: ["*"]}
        other: {allow: [1.3.6.1.4.1.311.20.2.3]}
      keyUsage: [digitalSignature, keyEncipherment]
      extendedKeyUsage: [serverAuth, clientAuth]
      status: {crl: true, ocsp: true, caIssuers: true}
      """;

  private static final String MESH_CA =
      """
      description: CA of a service mesh
      keyAlgorithms: [ec-p256]
      validity: {standard: 90d, shortest: 1h, longest: 365d, backdate: 5m}
      subject: requested
      names:
        kinds: [dns, uri]
        most: 5
        dns: {allow: ["*"]}
        uri: {allow: ["*"]}
      keyUsage: [keyCertSign, cRLSign]
      ca: {}
      status: {crl: true, ocsp: false, caIssuers: true}
      """;

  private static final List<String> WORKLOAD_ROLE =
      List.of(
          "role",
          "create",
          "web",
          "--issuer=issuing",
          "--profile=workload",
          "--name=dns:corp.test",
          "--deny=dns:secret.corp.test",
          "--name=ip:10.0.0.0/8",
          "--name=uri:spiffe://corp.test/",
          "--name=email:corp.test",
          "--name=other:1.3.6.1.4.1.311.20.2.3=*@corp.test",
          "--name=subject:O=Corp",
          "--name=subject:OU=*",
          "--deny=subject:OU=Board",
          "--name=subject:UID=svc-1",
          "--name=subject:CN=system:probe",
          "--wildcards",
          "--max-ttl=60d");

  private static final Map<String, String> FREE_PORTS =
      Map.of(
          "listeners.public", "{host: 127.0.0.1, port: 0}",
          "listeners.api", "{host: 127.0.0.1, port: 0}",
          "listeners.admin.port", "0",
          "listeners.management.port", "0",
          "vault.enabled", "true");

  final Path directory;
  private Clock clock = Clock.systemUTC();
  private final ObjectMapper json = new ObjectMapper();
  private final Map<String, String> settings = new HashMap<>();
  private Server server;
  private Addresses addresses;

  private VaultHome(Path directory) {
    this.directory = directory;
  }

  static VaultHome serve(Path directory, Map<String, String> more) throws Exception {
    VaultHome home = prepare(directory, Clock.systemUTC(), more);
    home.start();
    return home;
  }

  /** One that is still to be started. */
  static VaultHome prepare(Path directory, Clock clock, Map<String, String> more) throws Exception {
    VaultHome home = new VaultHome(directory);
    home.clock = clock;
    home.settings.putAll(FREE_PORTS);
    home.settings.putAll(more);
    home.make();
    return home;
  }

  /** As {@link #serve}, with another issuer beside issuing that signs nothing yet. */
  static VaultHome serveTwoIssuers(Path directory, Clock clock) throws Exception {
    return serveTwoIssuers(directory, clock, Map.of());
  }

  static VaultHome serveTwoIssuers(Path directory, Clock clock, Map<String, String> more)
      throws Exception {
    VaultHome home = prepare(directory, clock, more);
    Path file = directory.resolve("chancery.yaml");
    Files.writeString(
        file,
        Files.readString(file)
            .replace(
                "issuers:\n",
                """
                issuers:
                  - {name: second, certificate: ca/second.pem, keyId: "7365636f", ocspKeyId: "6f637370"}
                """));
    assertThat(CommandRun.of("init", "--home", directory.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    home.start();
    return home;
  }

  /** Another node of a served home, with all of its files. */
  VaultHome secondNode(Path copy) throws Exception {
    VaultHome node = new VaultHome(DevelopmentHome.copy(directory, copy));
    node.settings.putAll(settings);
    node.start();
    return node;
  }

  private void make() throws Exception {
    Path profiles = Files.createDirectories(directory.resolve("profiles"));
    try (var files = Files.list(Path.of("../config/profiles"))) {
      for (Path file : files.toList()) {
        String text = Files.readString(file).replace("pathLength: 0", "pathLength: 2");
        Files.writeString(profiles.resolve(file.getFileName().toString()), text);
      }
    }
    Files.writeString(profiles.resolve("workload.yaml"), WORKLOAD);
    Files.writeString(profiles.resolve("mesh-ca.yaml"), MESH_CA);
    List<String> init =
        new ArrayList<>(List.of("init", "--home", directory.toString(), "--development-key-store"));
    settings.forEach((key, value) -> {
      if (key.startsWith("database.")) {
        init.addAll(List.of("--set", key + "=" + value));
      }
    });
    assertThat(CommandRun.of(init.toArray(String[]::new))).returns(0, CommandRun::exitCode);
  }

  void start() throws Exception {
    Home opened = Home.open(directory);
    AtomicReference<Addresses> started = new AtomicReference<>();
    server =
        Server.start(
            opened, Configuration.read(opened, settings), clock, new SecureRandom(), started::set);
    addresses = started.get();
  }

  Addresses addresses() {
    return addresses;
  }

  /** The API, as a client meets it that trusts the root. */
  RawHttps api() throws Exception {
    return api(Optional.empty());
  }

  RawHttps api(Optional<Credential> credential) throws Exception {
    return RawHttps.trusting(
        directory.resolve("root.pem"), addresses.apiUrl().uri().getPort(), credential);
  }

  /** Runs a command of the command line that must succeed. */
  JsonNode command(String... words) throws Exception {
    CommandRun run = attempt(words);
    assertThat(run.exitCode()).describedAs(run.err()).isZero();
    return json.readTree(run.out());
  }

  CommandRun attempt(String... words) {
    List<String> arguments = new ArrayList<>(List.of(words));
    arguments.add("--home=" + directory);
    arguments.add("--output=json");
    return CommandRun.of(arguments.toArray(String[]::new));
  }

  /** Makes a role for names of every kind below corp.test, with more options. */
  JsonNode workloadRole(String... more) throws Exception {
    List<String> words = new ArrayList<>(WORKLOAD_ROLE);
    words.addAll(List.of(more));
    return command(words.toArray(String[]::new));
  }

  /** Makes a role for CAs of meshes. */
  JsonNode meshRole() throws Exception {
    return command(
        "role",
        "create",
        "mesh",
        "--issuer=issuing",
        "--profile=mesh-ca",
        "--ca",
        "--path-length=1",
        "--name=uri:spiffe://corp.test/",
        "--name=dns:linkerd.corp.test",
        "--name=subject:O=SPIFFE");
  }

  /** Logs in with a new secret id of a role. */
  String token(String role) throws Exception {
    JsonNode credential = command("role", "credential", "create", role);
    RawHttps.Answer answer = login(credential);
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(200);
    return answer.json().path("auth").path("client_token").asText();
  }

  RawHttps.Answer login(JsonNode credential) throws Exception {
    return api()
        .send(
            """
            POST /v1/auth/approle/login HTTP/1.1
            Host: localhost
            User-Agent: Go-http-client/1.1
            X-Vault-Request: true
            """,
            object(
                    "role_id", credential.path("roleId").asText(),
                    "secret_id", credential.path("secret").asText())
                .toString());
  }

  /** As cert-manager signs: no Content-Type, and all values are strings. */
  RawHttps.Answer sign(String path, String token, ObjectNode body) throws Exception {
    return api()
        .send(
            """
            POST /v1/%s HTTP/1.1
            Host: localhost
            User-Agent: Go-http-client/1.1
            X-Vault-Request: true
            X-Vault-Token: %s
            """
                .formatted(path, token),
            body.toString());
  }

  /** A request to sign, with the members that cert-manager's have. */
  static ObjectNode asCertManager(String commonName, String names, String csr) {
    return object(
        "common_name", commonName,
        "alt_names", names,
        "ip_sans", "",
        "uri_sans", "",
        "ttl", "24h0m0s",
        "csr", csr,
        "exclude_cn_from_sans", "true");
  }

  RawHttps.Answer signed(String path, String token, ObjectNode body) throws Exception {
    RawHttps.Answer answer = sign(path, token, body);
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(200);
    return answer;
  }

  static void requireErrors(RawHttps.Answer answer, int status, String says) {
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(status);
    assertThat(answer.headers()).containsEntry("content-type", "application/json");
    assertThat(answer.json().path("errors").isArray()).isTrue();
    assertThat(answer.json().path("errors").path(0).asText()).contains(says);
    assertThat(answer.text()).doesNotContain("Exception", "dev.chancery", "select ");
  }

  RawHttps.Answer get(String path) throws Exception {
    return api().send("GET " + path + " HTTP/1.1\nHost: localhost", "");
  }

  static ObjectNode object(String... members) {
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < members.length; i += 2) {
      object.put(members[i], members[i + 1]);
    }
    return object;
  }

  static X509Certificate certificate(String pem) throws Exception {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
  }

  void stop() {
    server.close();
  }

  @Override
  public void close() {
    stop();
  }
}
