package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * Two server processes on one PostgreSQL behind a proxy that cuts connections, their clients, and
 * what must hold when all orders are over.
 */
final class ClusterScene implements AutoCloseable {
  private static final int CLIENTS_PER_ACCOUNT = 2;
  // Recovery counts another node's order as interrupted after 60 s; the rest is for slow machines.
  private static final Duration PATIENCE = Duration.ofMinutes(4);
  private static final int REQUESTS_PER_REPLAY = 20;

  /** A process, and where it lives. */
  private final class Node {
    private final Path folder;
    private final RunningServer.Ports ports;
    private final StringBuilder logs = new StringBuilder();
    private @Nullable RunningServer server;

    Node(String name, RunningServer.Ports ports) throws IOException {
      this.folder = Files.createDirectories(root.resolve(name));
      this.ports = ports;
    }

    void start() throws IOException {
      server = RunningServer.start(folder, ports, settings, "-Xmx512m");
    }

    void kill() throws IOException {
      server.close();
      logs.append(server.log());
    }

    /** What it said before it was killed and since. */
    String log() throws IOException {
      return logs + server.log();
    }
  }

  private final Path root;
  private final int clients;
  private final int orders;
  private final TestDatabase database;
  private final NameServer names;
  private final List<String> settings = new ArrayList<>();
  private final List<Node> nodes = new ArrayList<>();
  private final CuttingProxy proxy;
  private final ChallengeTarget target;
  private final Witness witness = new Witness();
  private final Map<String, String> challenges = new ConcurrentHashMap<>();
  private final List<AcmeCalls> accounts = new ArrayList<>();
  private final Queue<AcmeCalls.Signed> spent = new ConcurrentLinkedQueue<>();
  private final AtomicInteger answered = new AtomicInteger();
  private final AtomicInteger taken = new AtomicInteger();
  private final AtomicInteger ended = new AtomicInteger();
  private final List<String> report = new ArrayList<>();
  private @Nullable HttpClient direct;

  ClusterScene(Path root, int clients, int orders, long seed) throws Exception {
    this.root = root;
    this.clients = clients;
    this.orders = orders;
    this.database = DatabaseKind.POSTGRESQL.create(root);
    this.names = NameServer.start(root.resolve("names"));
    RunningServer.Ports first = RunningServer.Ports.free();
    nodes.add(new Node("first", first));
    nodes.add(new Node("second", RunningServer.Ports.free().validatingAt(first.http01())));
    int port = NameServer.freePort();
    this.proxy =
        new CuttingProxy(
            port, nodes.stream().map(node -> node.ports.api()).toList(), 0.1, new Random(seed));
    this.target =
        new ChallengeTarget(first.http01(), token -> challenges.getOrDefault(token, "unknown"));
    settings.addAll(RunningServer.settings(database));
    settings.add(names.setting());
    settings.add("externalUrls.api=https://localhost:" + port);
    settings.add("externalUrls.public=http://localhost:" + first.publicListener());
  }

  /**
   * One home, copied as an operator would, served by both processes; an account for each client.
   */
  void begin() throws Exception {
    Node first = nodes.getFirst();
    RunningServer.initialize(first.folder, first.ports, settings);
    CommandResult.of(root, Map.of(), "cp", "-a", "first/home", nodes.getLast().folder.toString())
        .requireDone();
    for (Node node : nodes) {
      node.start();
    }
    direct =
        HttpClient.newBuilder()
            .sslContext(Trust.in(first.folder.resolve("home/root.pem")))
            .version(HttpClient.Version.HTTP_1_1)
            .build();
    HttpClient throughProxy =
        HttpClient.newBuilder()
            .sslContext(Trust.in(first.folder.resolve("home/root.pem")))
            .version(HttpClient.Version.HTTP_1_1)
            .sslParameters(new SSLParameters(null, new String[] {"TLSv1.2"}))
            .build();
    URI directory = URI.create(first.server.directoryUrl());
    for (int i = 0; i < (clients + CLIENTS_PER_ACCOUNT - 1) / CLIENTS_PER_ACCOUNT; i++) {
      AcmeCalls account = new AcmeCalls(throughProxy, directory, this::remember);
      Applicant.again(
          () -> {
            account.register();
            return account;
          },
          witness,
          System.nanoTime() + PATIENCE.toNanos());
      accounts.add(account);
    }
  }

  private void remember(AcmeCalls.Signed request) {
    if (answered.getAndIncrement() % REQUESTS_PER_REPLAY == 0) {
      spent.add(request);
    }
  }

  /** All orders, while first one process and then the other is killed and started again. */
  void run() throws Exception {
    long begun = System.nanoTime();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
      AcmeCalls account = accounts.get(i / CLIENTS_PER_ACCOUNT);
      threads.add(Thread.ofPlatform().daemon().name("client-" + i).start(() -> order(account)));
    }
    for (int death = 1; death <= nodes.size(); death++) {
      while (ended.get() < orders * death / (nodes.size() + 1)) {
        requireNoSurprise();
        Thread.sleep(5);
      }
      Node node = nodes.get(death - 1);
      node.kill();
      int then = ended.get();
      node.start();
      report.add(
          "killed after %d orders; %d more ended until it was ready again"
              .formatted(then, ended.get() - then));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    report.add(
        0,
        "%d clients of %d accounts, %d orders in %.1f s"
            .formatted(
                clients, accounts.size(), orders, (System.nanoTime() - begun) / 1_000_000_000.0));
    requireNoSurprise();
  }

  private void order(AcmeCalls account) {
    try {
      for (int i = taken.getAndIncrement(); i < orders; i = taken.getAndIncrement()) {
        applicant(account, "n" + i + ".chancery.test").obtainThroughLosses(PATIENCE);
        ended.incrementAndGet();
      }
    } catch (Exception | AssertionError e) {
      witness.surprised(e.toString());
    }
  }

  private Applicant applicant(AcmeCalls account, String name) throws Exception {
    String thumbprint = account.thumbprint();
    return new Applicant(
        account, witness, name, token -> challenges.put(token, token + "." + thumbprint));
  }

  private void requireNoSurprise() {
    assertThat(witness.surprises()).isEmpty();
  }

  /** Orders of which no client knows, because the answer to newOrder was lost, end as well. */
  void finishForgotten() throws Exception {
    int forgotten = 0;
    for (AcmeCalls account : accounts) {
      Optional<String> page =
          Optional.of(
              Applicant.again(() -> account.get(account.account()), witness, end())
                  .json()
                  .path("orders")
                  .asText());
      while (page.isPresent()) {
        String url = page.get();
        AcmeCalls.Answer list = Applicant.again(() -> account.get(url), witness, end());
        for (JsonNode order : list.json().path("orders")) {
          if (!witness.hasCertificate(order.asText())) {
            finish(account, order.asText());
            forgotten++;
          }
        }
        page = list.next();
      }
    }
    report.add(forgotten + " orders whose first answer was lost were found in the lists and ended");
    requireNoSurprise();
  }

  private static long end() {
    return System.nanoTime() + PATIENCE.toNanos();
  }

  private void finish(AcmeCalls account, String url) throws Exception {
    String name =
        Applicant.again(() -> account.get(url), witness, end())
            .json()
            .path("identifiers")
            .path(0)
            .path("value")
            .asText();
    applicant(account, name).finishThroughLosses(url, PATIENCE);
  }

  /** RFC 8555 section 6.5: a nonce that one node took is spent on each of them. */
  void replaySpentNonces() throws Exception {
    int replays = 0;
    for (AcmeCalls.Signed request : spent) {
      for (Node node : nodes) {
        URI url = URI.create(request.url());
        HttpResponse<String> answer =
            direct.send(
                request
                    .request(URI.create("https://localhost:" + node.ports.api() + url.getRawPath()))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).describedAs(answer.body()).isEqualTo(400);
        assertThat(answer.body())
            .contains("urn:ietf:params:acme:error:badNonce")
            .contains("used before");
        replays++;
      }
    }
    assertThat(replays).isPositive();
    report.add(replays + " requests sent again, half of them to the other node: badNonce each");
  }

  /** Each order ended right, and with one certificate. */
  void requireOneCertificateEach() throws Exception {
    LedgerSnapshot last = LedgerSnapshot.of(database.url(), database.user(), database.password());
    assertThat(last.orders()).hasSizeGreaterThanOrEqualTo(orders);
    last.orders()
        .forEach((order, state) -> {
          assertThat(state).describedAs("order %s", order).isEqualTo("valid");
          assertThat(last.of(order).stream().filter(row -> row.signature().isPresent()))
              .describedAs("certificates of order %s", order)
              .hasSize(1);
        });
    assertThat(last.inState("recorded")).isEmpty();
    assertThat(witness.certificates())
        .hasSize(last.orders().size())
        .allMatch(certificate -> last.of(certificate).orElseThrow().isOf(certificate))
        .extracting(X509Certificate::getSerialNumber)
        .doesNotHaveDuplicates();
    report.add(
        "%d orders in the database, all valid, each with one certificate, which its client has"
            .formatted(last.orders().size()));
  }

  /** Nothing failed for a reason that the scene does not have. */
  void requireCuts() throws IOException {
    StringBuilder cuts = new StringBuilder();
    for (CuttingProxy.Cut cut : CuttingProxy.Cut.values()) {
      assertThat(proxy.cuts(cut)).describedAs(cut.toString()).isPositive();
      cuts.append(", %d %s".formatted(proxy.cuts(cut), cut));
    }
    report.add(
        "%d requests on %d connections%s; %d answers lost"
            .formatted(proxy.requests(), proxy.connections(), cuts, witness.losses()));
    for (Node node : nodes) {
      assertThat(node.log()).doesNotContain("met a defect");
    }
  }

  String report() {
    return String.join(System.lineSeparator(), report);
  }

  @Override
  public void close() throws IOException {
    nodes.forEach(node -> {
      if (node.server != null) {
        node.server.close();
      }
    });
    proxy.close();
    target.close();
    names.close();
    if (direct != null) {
      direct.shutdownNow();
    }
  }
}
