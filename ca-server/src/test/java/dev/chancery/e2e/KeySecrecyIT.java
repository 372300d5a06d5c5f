package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * No CA key is anywhere but in its token.
 *
 * <p>A SoftHSM2 token is a folder and a library in the server's own process, so two things count as
 * the token here and are not searched: its folder, and the memory that the library allocates, which
 * is no part of the Java heap. What is searched is all that Chancery itself has: its home, the
 * database in it, its heap, its log, its environment and command line.
 */
@DisplayName("No CA key anywhere but in the token")
class KeySecrecyIT {
  @TempDir Path folder;

  @Test
  @DisplayName("pkcs11-tool: sensitive, always sensitive, never extractable, made there, sign only")
  void attributes() throws Exception {
    RunningServer.Ports ports = RunningServer.Ports.free();
    try (RunningServer server = RunningServer.start(folder, ports, List.of())) {
      assertThat(server.stop()).isIn(0, 143);
    }

    // The online token holds the issuer's key and its OCSP signer's.
    requireKept(privateKeys("chancery"), 2);
    requireKept(privateKeys("chancery-root"), 1);
  }

  private static void requireKept(List<String> keys, int count) {
    assertThat(keys).hasSize(count);
    assertThat(keys)
        .allSatisfy(key ->
            assertThat(key)
                .contains("Access:     sensitive, always sensitive, never extractable, local")
                .containsPattern("(?m)Usage: +sign$"));
  }

  /** What pkcs11-tool says of each private key. */
  private List<String> privateKeys(String label) throws Exception {
    Path token = folder.resolve("home/token");
    String listing =
        Pkcs11Tool.of(
                folder,
                Map.of(
                    "SOFTHSM2_CONF",
                    token.resolve("softhsm2.conf").toString(),
                    "PIN",
                    Files.readString(token.resolve(label + ".pin")).strip()),
                label,
                "--list-objects",
                "--type",
                "privkey")
            .requireDone();
    return Stream.of(listing.split("(?=Private Key Object)"))
        .filter(object -> object.startsWith("Private Key Object"))
        .toList();
  }

  @ParameterizedTest(name = "root {0} {1}, issuer {2} {3}")
  @CsvSource({"EC, 256, RSA, 2048", "RSA, 2048, EC, 256"})
  @DisplayName("known keys are not in home, database, heap, log, environment or command line")
  void search(
      String rootAlgorithm,
      int rootBits,
      String issuerAlgorithm,
      int issuerBits,
      TestReporter reporter)
      throws Exception {
    KnownKey root = KnownKey.make("chancery-root", rootAlgorithm, rootBits);
    KnownKey issuer = KnownKey.make("issuing-known", issuerAlgorithm, issuerBits);
    Path home = homeWith(root, issuer);
    Path dump = folder.resolve("server.hprof");
    RunningServer.Ports ports = RunningServer.Ports.free();
    List<Path> searched = new ArrayList<>();

    try (RunningServer server = RunningServer.start(folder, ports, List.of())) {
      Certbot certbot = new Certbot(folder.resolve("certbot"), home.resolve("root.pem"), NAME);
      certbot.obtain(server.directoryUrl(), ports.http01());
      try (Load load = new Load(ports.management())) {
        certbot.renew();
        certbot.revoke(certbot.certificate(1), server.directoryUrl());
        load.awaitSignatures(200);
        server.command("GC.heap_dump", "-all", dump.toString());
      }
      for (String file : List.of("environ", "cmdline")) {
        Path process = Path.of("/proc", Long.toString(server.pid()), file);
        searched.add(Files.write(folder.resolve(file), Files.readAllBytes(process)));
      }
      OpenSsl openssl = new OpenSsl(folder, home.resolve("root.pem"));
      assertThat(openssl.verify(certbot.certificate(2), certbot.chain(2)).requireDone())
          .contains("OK");
      assertThat(server.stop()).describedAs(server.log()).isIn(0, 143);
    }
    searched.add(dump);
    searched.add(folder.resolve("server.log"));
    searched.addAll(filesOf(home));
    assertThat(searched)
        .contains(home.resolve("database/chancery.mv.db"), home.resolve("chancery.yaml"));

    SecretSearch secrets = new SecretSearch();
    root.addPrivateNumbers(secrets);
    issuer.addPrivateNumbers(secrets);
    assertThat(secrets.in(searched)).isEmpty();

    // That the search can find: the public halves are in the server's heap, ...
    assertThat(new SecretSearch().number("root", root.publicNumber()).in(List.of(dump)))
        .isNotEmpty();
    assertThat(new SecretSearch().number("issuer", issuer.publicNumber()).in(List.of(dump)))
        .isNotEmpty();
    // ... and the private ones in the heap of this test, which made them.
    List<String> here = secrets.in(List.of(dumpOfThisProcess())).values().iterator().next();
    assertThat(here).anyMatch(name -> name.startsWith(root.id()));
    assertThat(here).anyMatch(name -> name.startsWith(issuer.id()));

    // SunPKCS11 may keep the PIN for a login of its own; that is no key, and said in the report.
    Path pin = home.resolve("token/chancery.pin");
    Map<Path, List<String>> pins =
        new SecretSearch().text("PIN", Files.readString(pin).strip()).in(searched);
    pins.remove(pin);
    reporter.publishEntry("PIN of the online token", pins.isEmpty() ? "nowhere" : pins.toString());
    // A path by itself would be taken for the names that it consists of.
    assertThat(pins.keySet()).isSubsetOf(Set.of(dump));
  }

  private static final String NAME = RunningServer.NAME;

  /** A home that init will find keys for, imported as a ceremony elsewhere might leave them. */
  private Path homeWith(KnownKey root, KnownKey issuer) throws Exception {
    Path home =
        Files.createDirectory(
            folder.resolve("home"),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path token = home.resolve("token");
    String library = "";
    for (String label : List.of("chancery", "chancery-root")) {
      library =
          CommandResult.of(
                  folder,
                  Map.of(),
                  RunningServer.script("softhsm-init.sh").toString(),
                  "--dir",
                  token.toString(),
                  "--label",
                  label)
              .requireDone()
              .replaceFirst("(?s).*library: (\\S+).*", "$1");
    }
    issuer.importInto(token, "chancery", folder);
    root.importInto(token, "chancery-root", folder);
    Files.writeString(
        home.resolve("chancery.yaml"),
        """
        token:
          library: %s
          label: chancery
          pinFile: token/chancery.pin
          environment: {SOFTHSM2_CONF: token/softhsm2.conf}
        roots: [root.pem]
        issuers:
          - {name: issuing, certificate: ca/issuing.pem, keyId: "%s", ocspKeyId: "6f637370"}
        acme: {endpoints: {default: {issuer: issuing, profile: tls-server}}}
        """
            .formatted(library, issuer.hexId()));
    return home;
  }

  private static List<Path> filesOf(Path home) throws IOException {
    try (Stream<Path> files = Files.walk(home)) {
      return files
          .filter(Files::isRegularFile)
          .filter(file -> !file.startsWith(home.resolve("token/tokens")))
          .toList();
    }
  }

  private Path dumpOfThisProcess() throws IOException {
    Path dump = folder.resolve("test.hprof");
    ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
        .dumpHeap(dump.toString(), true);
    return dump;
  }

  /**
   * Makes the server sign with the issuer's key all the time: readiness is proven by signatures.
   */
  private static final class Load implements AutoCloseable {
    private static final int CLIENTS = 4;

    private final ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
    private final List<Future<?>> running = new ArrayList<>();
    private final AtomicBoolean ended = new AtomicBoolean();
    private final AtomicInteger signatures = new AtomicInteger();

    Load(int port) {
      URI ready = URI.create("http://127.0.0.1:" + port + "/readyz");
      for (int i = 0; i < CLIENTS; i++) {
        running.add(
            clients.submit(() -> {
              try (HttpClient http = HttpClient.newHttpClient()) {
                while (!ended.get()) {
                  HttpResponse<String> answer =
                      http.send(
                          HttpRequest.newBuilder(ready).build(),
                          HttpResponse.BodyHandlers.ofString());
                  assertThat(answer.statusCode()).describedAs(answer.body()).isEqualTo(200);
                  signatures.incrementAndGet();
                }
              }
              return null;
            }));
      }
    }

    void awaitSignatures(int count) {
      Awaitility.await("signatures").until(() -> signatures.get() >= count);
    }

    @Override
    public void close() {
      ended.set(true);
      clients.close();
      for (Future<?> client : running) {
        assertThat(client.state()).isEqualTo(Future.State.SUCCESS);
      }
    }
  }
}
