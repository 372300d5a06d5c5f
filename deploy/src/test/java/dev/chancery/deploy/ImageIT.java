package dev.chancery.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.Yaml;

/**
 * The image, built, unpacked and run as a cluster would: by a user that is nobody, on a file system
 * that is read-only, without a capability.
 */
@TestInstance(Lifecycle.PER_CLASS)
class ImageIT {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final long MOST_OCTETS = 120_000_000;
  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final Pattern METRIC = Pattern.compile("\\b(?:chancery|process)_[a-z_]+");

  @TempDir private static Path folder;

  private Path files;
  private Path data;
  private Path output;
  private int management;
  private int api;
  private Process server;

  @BeforeAll
  void buildUnpackAndServe() throws IOException, InterruptedException {
    Path layout = folder.resolve("image");
    Path bundle = folder.resolve("bundle");
    run(List.of(ROOT.resolve("scripts/build-image.sh").toString(), layout.toString()));
    run(List.of("umoci", "unpack", "--rootless", "--image", layout + ":latest", bundle.toString()));
    files = bundle.resolve("rootfs");
    data = Files.createDirectory(folder.resolve("data"));
    // The user in the container must find its way to what is mounted there.
    for (Path path = data; path != null && path.startsWith("/tmp"); path = path.getParent()) {
      openUp(path);
    }
    openUp(bundle);
    Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwxrwxrwx"));

    management = freePort();
    api = freePort();
    List<String> overrides =
        List.of(
            "--home", "/var/lib/chancery/home",
            "--set", "listeners.public.port=0",
            "--set", "listeners.api.port=" + api,
            "--set", "listeners.admin.port=0",
            "--set", "listeners.management.host=0.0.0.0",
            "--set", "listeners.management.port=" + management,
            "--set", "vault.enabled=true");
    run(contained(join(List.of("init", "--development-key-store"), overrides)));

    output = folder.resolve("server.log");
    server =
        new ProcessBuilder(contained(join(List.of("serve"), overrides)))
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    await()
        .atMost(PATIENCE)
        .failFast(() -> !server.isAlive())
        .until(() -> Files.readString(output).contains("\nready: "));
  }

  @AfterAll
  void end() throws InterruptedException {
    if (server != null) {
      server.destroy();
      if (!server.waitFor(30, TimeUnit.SECONDS)) {
        server.destroyForcibly();
      }
    }
  }

  @Test
  void isSmall() throws IOException {
    long octets = 0;
    try (var all = Files.walk(files)) {
      for (Path file : all.filter(each -> Files.isRegularFile(each)).toList()) {
        octets += Files.isSymbolicLink(file) ? 0 : Files.size(file);
      }
    }

    assertThat(octets).isLessThan(MOST_OCTETS);
  }

  @Test
  void isReadyByASignature() throws Exception {
    assertThat(asked("/readyz")).contains("database: ok", "key of issuing: ok");
  }

  @Test
  void theCommandLineReachesTheServer() throws Exception {
    String listed = run(contained(List.of("binding", "list", "--home", "/var/lib/chancery/home")));

    assertThat(listed).contains("kid", "endpoint");
  }

  @Test
  void aRoleLogsInOverTheVaultShapedApi() throws Exception {
    List<String> home = List.of("--home", "/var/lib/chancery/home", "--output", "json");
    run(
        contained(
            join(
                List.of(
                    "role",
                    "create",
                    "web",
                    "--issuer=issuing",
                    "--profile=tls-server",
                    "--name=dns:web.test"),
                home)));
    Map<String, Object> credential =
        new Yaml().load(run(contained(join(List.of("role", "credential", "create", "web"), home))));
    try (HttpClient client = HttpClient.newBuilder().sslContext(trustingTheRoot()).build()) {
      HttpResponse<String> login =
          client.send(
              HttpRequest.newBuilder(
                      URI.create("https://localhost:" + api + "/v1/auth/approle/login"))
                  .POST(
                      HttpRequest.BodyPublishers.ofString(
                          "{\"role_id\":\"%s\",\"secret_id\":\"%s\"}"
                              .formatted(credential.get("roleId"), credential.get("secret"))))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      assertThat(login.statusCode()).as(login.body()).isEqualTo(200);
      assertThat(login.body()).contains("\"client_token\":\"");
    }
  }

  private SSLContext trustingTheRoot() throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream root = Files.newInputStream(data.resolve("home/root.pem"))) {
      store.setCertificateEntry(
          "root", CertificateFactory.getInstance("X.509").generateCertificate(root));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    return tls;
  }

  @Test
  void softHsmAndP11KitAreThere() throws Exception {
    // An empty folder has no token: what answers is the module itself.
    for (String module : List.of("softhsm/libsofthsm2.so", "pkcs11/p11-kit-client.so")) {
      assertThat(files.resolve("usr/lib/x86_64-linux-gnu").resolve(module)).exists();
    }
    Files.writeString(
        data.resolve("softhsm2.conf"), "directories.tokendir = /tmp\nlog.level = ERROR\n");

    String tokens =
        run(
            contained(
                List.of(
                    "token",
                    "list",
                    "--library",
                    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                    "--environment",
                    "SOFTHSM2_CONF=/var/lib/chancery/softhsm2.conf",
                    "--output",
                    "json")));

    assertThat(tokens).contains("SoftHSM");
  }

  @Test
  void alertsAskForMetricsThatThereAre() throws Exception {
    String metrics = asked("/metrics");
    // Counted from the first time that it happens; and of other CAs, of which there are none here.
    List<String> notYet =
        List.of(
            "chancery_signing_failures_total",
            "chancery_wrong_signatures_total",
            "chancery_revocation_late_total",
            "chancery_crl_put_failures_total",
            "chancery_ocsp_signer_end_seconds");

    TreeSet<String> wanted = new TreeSet<>();
    Matcher names = METRIC.matcher(Files.readString(ROOT.resolve("config/alerts.yaml")));
    while (names.find()) {
      wanted.add(names.group());
    }
    wanted.removeAll(notYet);
    assertThat(wanted)
        .isNotEmpty()
        .allSatisfy(name -> assertThat(metrics).containsPattern("(?m)^" + name + "[ {]"));
  }

  private String asked(String path) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> answer =
          client.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + management + path)).build(),
              HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      return answer.body();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /** A command in the container. */
  private List<String> contained(List<String> arguments) {
    return join(
        List.of(
            "setpriv",
            "--reuid",
            "65532",
            "--regid",
            "65532",
            "--clear-groups",
            "--",
            "bwrap",
            "--unshare-user",
            "--unshare-pid",
            "--die-with-parent",
            "--uid",
            "65532",
            "--gid",
            "65532",
            "--cap-drop",
            "ALL",
            "--ro-bind",
            files.toString(),
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--tmpfs",
            "/tmp",
            "--bind",
            data.toString(),
            "/var/lib/chancery",
            "--chdir",
            "/var/lib/chancery",
            "--clearenv",
            "--setenv",
            "PATH",
            "/usr/bin",
            "/opt/chancery/bin/chancery"),
        arguments);
  }

  private static List<String> join(List<String> first, List<String> second) {
    List<String> both = new ArrayList<>(first);
    both.addAll(second);
    return both;
  }

  private static String run(List<String> command) throws IOException, InterruptedException {
    Path output = Files.createTempFile(folder, "command", ".log");
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("CHANCERY_DISTRIBUTION", System.getProperty("chancery.distribution"));
    Process process = builder.redirectOutput(output.toFile()).start();
    if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
    String said = Files.readString(output);
    assertThat(process.waitFor()).as(String.join(" ", command) + "\n" + said).isZero();
    return said;
  }

  private static void openUp(Path path) throws IOException {
    if (Files.getOwner(path).equals(Files.getOwner(folder)) && !path.equals(Path.of("/tmp"))) {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }
}
