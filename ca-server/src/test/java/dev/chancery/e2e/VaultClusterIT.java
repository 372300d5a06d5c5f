package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two server processes on one PostgreSQL, asked by many controllers at once; then one is killed.
 */
@DisplayName("the Vault-shaped API of two nodes")
class VaultClusterIT {
  private static final int CONTROLLERS = 50;
  private static final int REQUESTS = Integer.getInteger("vault.requests", 500);
  private static final String NAME = "www.chancery.test";

  /** Stays when something did not hold: the logs tell why. */
  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  private final ObjectMapper json = new ObjectMapper();
  private final List<RunningServer> nodes = new ArrayList<>();
  private final List<X509Certificate> certificates = new ArrayList<>();

  @Test
  @DisplayName("500 requests by 50 controllers: none fails; after SIGKILL another login heals each")
  void manyControllers() throws Exception {
    TestDatabase database = DatabaseKind.POSTGRESQL.create(folder);
    List<URI> urls = start(database);
    JsonNode credential = role();
    Path report = Files.createDirectories(Path.of("target/vault-cluster")).resolve("table.txt");
    try (HttpClient http =
        HttpClient.newBuilder()
            .sslContext(Trust.in(folder.resolve("first/home/root.pem")))
            .version(HttpClient.Version.HTTP_1_1)
            .build()) {
      VaultController controller = new VaultController(http, urls, credential);
      VaultTable table = new VaultTable(controller);
      for (String warmth : List.of("cold", "warm")) {
        table.add("both, " + warmth, REQUESTS, run(controller, () -> {}));
        assertThat(controller.failedSigns()).describedAs(warmth).isZero();
        assertThat(controller.lostAnswers()).describedAs(warmth).isZero();
        // A login may be shed, and the table says so; nothing else needs another one.
        assertThat(controller.healed()).isLessThanOrEqualTo(controller.refusedLogins());
      }

      RunningServer victim = nodes.getLast();
      table.add("one killed in the middle", REQUESTS, run(controller, victim::close));
      Files.writeString(report, table.text());
      System.out.println(table.text());

      // What was asked of the killed node had no answer, and another login healed it. The other
      // node has failed no request to sign, be the login before it the dead one's.
      assertThat(controller.healed()).isPositive();
      assertThat(controller.failedSigns()).isZero();
      requireRepeated(controller);
    } finally {
      nodes.forEach(RunningServer::close);
    }
    requireInLedger(LedgerSnapshot.of(database.url(), database.user(), database.password()));
  }

  /**
   * With the same token the survivor gives one certificate, whether the dead node made it or not.
   */
  private void requireRepeated(VaultController controller) throws Exception {
    assertThat(controller.repeated()).isNotEmpty();
    for (VaultController.Repeated repeated : controller.repeated()) {
      assertThat(repeated.first().statusCode()).describedAs(repeated.first().body()).isEqualTo(200);
      JsonNode first = json.readTree(repeated.first().body()).path("data");
      assertThat(json.readTree(repeated.second().body()).path("data")).isEqualTo(first);
      certificates.add(VaultController.certificate(json.readTree(repeated.first().body())));
    }
  }

  /** One home, copied as an operator would, served by both. */
  private List<URI> start(TestDatabase database) throws Exception {
    List<String> settings = new ArrayList<>(RunningServer.settings(database));
    settings.add("vault.enabled=true");
    List<URI> urls = new ArrayList<>();
    RunningServer.Ports ports = RunningServer.Ports.free();
    Path first = Files.createDirectories(folder.resolve("first"));
    Path second = Files.createDirectories(folder.resolve("second"));
    RunningServer.initialize(first, ports, settings);
    nodes.add(RunningServer.start(first, ports, settings, "-Xmx512m"));
    urls.add(URI.create("https://localhost:" + ports.api()));
    CommandResult.of(folder, Map.of(), "cp", "-a", "first/home", second.toString()).requireDone();
    ports = RunningServer.Ports.free();
    nodes.add(RunningServer.start(second, ports, settings, "-Xmx512m"));
    urls.add(URI.create("https://localhost:" + ports.api()));
    return urls;
  }

  /** A role, and a secret id of it, by the command line. */
  private JsonNode role() throws Exception {
    command("create", "web", "--issuer=issuing", "--profile=tls-server", "--name=dns:" + NAME);
    return command("credential", "create", "web");
  }

  private JsonNode command(String... words) throws Exception {
    List<String> command =
        new ArrayList<>(List.of(RunningServer.distribution() + "/bin/chancery", "role"));
    command.addAll(List.of(words));
    command.addAll(List.of("--home=" + folder.resolve("first/home"), "--output=json"));
    return json.readTree(
        CommandResult.of(folder, Map.of(), command.toArray(String[]::new)).requireDone());
  }

  private interface Event {
    void happen() throws Exception;
  }

  /** Has every controller get its certificates; the time that all took. */
  private Duration run(VaultController controller, Event inTheMiddle) throws Exception {
    int before = certificates.size();
    AtomicInteger taken = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    long begun = System.nanoTime();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<List<X509Certificate>>> work = new ArrayList<>();
      for (int i = 0; i < CONTROLLERS; i++) {
        work.add(() -> {
          List<X509Certificate> mine = new ArrayList<>();
          while (taken.getAndIncrement() < REQUESTS) {
            mine.add(controller.certificate(NAME));
            if (done.incrementAndGet() == REQUESTS / 2) {
              inTheMiddle.happen();
            }
          }
          return mine;
        });
      }
      for (Future<List<X509Certificate>> one : threads.invokeAll(work)) {
        certificates.addAll(one.get());
      }
    }
    assertThat(certificates).hasSize(before + REQUESTS);
    return Duration.ofNanos(System.nanoTime() - begun);
  }

  /** Each is there as it was handed out, under a serial number of its own. */
  private void requireInLedger(LedgerSnapshot ledger) {
    assertThat(certificates)
        .allMatch(certificate -> ledger.of(certificate).orElseThrow().isOf(certificate))
        .extracting(X509Certificate::getSerialNumber)
        .doesNotHaveDuplicates();
    // Whatever the dead node had begun: no certificate is issued that nobody was given.
    assertThat(ledger.inState("issued"))
        .filteredOn(
            row -> new String(row.toBeSigned().bytes(), StandardCharsets.ISO_8859_1).contains(NAME))
        .hasSize(certificates.size());
  }
}
