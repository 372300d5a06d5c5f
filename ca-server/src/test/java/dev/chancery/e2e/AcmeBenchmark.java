package dev.chancery.e2e;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * Complete http-01 orders of this server, on both databases, and of Pebble, by turns in short
 * rounds: scripts/bench.sh acme.
 */
final class AcmeBenchmark {
  private static final List<Integer> CLIENTS = List.of(1, 16);
  private static final int ROUND_SECONDS = 5;
  private static final int WARM_UP_SECONDS = 20;

  private final Map<String, OrderingClient.Awaited> challenges = new ConcurrentHashMap<>();

  private AcmeBenchmark() {}

  /**
   * @param limit the least number of orders per second, Pebble's being 1; none for Pebble
   * @param database the name of a PostgreSQL database, whose processes are counted beside
   */
  private record Contender(
      String name,
      Optional<Double> limit,
      Path trusted,
      String directory,
      long pid,
      Optional<String> database) {}

  /** A contender with its clients of one number, and what each round came to. */
  private record Lane(
      Contender contender, HttpClient http, List<OrderingClient> clients, List<Round> rounds) {
    /**
     * The median ratio of orders per second. A round in which the other lost answers says nothing;
     * without any other round there is no number.
     */
    double median(Lane other) {
      List<Double> ratios = new ArrayList<>();
      for (int i = 0; i < rounds.size(); i++) {
        if (other.rounds.get(i).failures() == 0) {
          ratios.add(rounds.get(i).perSecond() / other.rounds.get(i).perSecond());
        }
      }
      return ratios.isEmpty() ? Double.NaN : median(ratios);
    }

    double medianPerSecond() {
      return median(rounds.stream().map(Round::perSecond).toList());
    }

    private static double median(List<Double> numbers) {
      List<Double> sorted = numbers.stream().sorted().toList();
      int middle = sorted.size() / 2;
      return sorted.size() % 2 == 1
          ? sorted.get(middle)
          : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    int orders() {
      return rounds.stream().mapToInt(Round::orders).sum();
    }

    int failures() {
      return rounds.stream().mapToInt(Round::failures).sum();
    }

    /** In milliseconds, or a number of looks. */
    double perOrder(ToDoubleFunction<Round> what) {
      return rounds.stream().mapToDouble(what).sum() / orders();
    }
  }

  /**
   * @param failures orders that were given up because an answer did not come
   * @param server processor time in milliseconds; likewise database and clients
   */
  private record Round(
      int orders,
      int looks,
      int failures,
      double perSecond,
      double server,
      double database,
      double clients) {}

  /**
   * Measures, and ends with 0 when the limits are kept, else with 1.
   *
   * @param arguments a folder; for how many seconds each server is measured with each number of
   *     clients
   */
  public static void main(String[] arguments) throws Exception {
    // Connections idle between two rounds end on this side, before a server ends them under a
    // request.
    System.setProperty("jdk.httpclient.keepalive.timeout", "3");
    Path folder = Files.createDirectories(Path.of(arguments[0]).toAbsolutePath());
    int rounds = Math.max(1, Integer.parseInt(arguments[1]) / ROUND_SECONDS);
    boolean kept = new AcmeBenchmark().run(folder, rounds);
    System.exit(kept ? 0 : 1);
  }

  @SuppressWarnings("try") // the web server only has to be there
  private boolean run(Path folder, int rounds) throws Exception {
    RunningServer.Ports first = RunningServer.Ports.free();
    RunningServer.Ports sharing = RunningServer.Ports.free().validatingAt(first.http01());
    Path embedded = Files.createDirectories(folder.resolve("embedded"));
    Path postgresql = Files.createDirectories(folder.resolve("postgresql"));
    TestDatabase database = DatabaseKind.POSTGRESQL.create(folder);
    try (ChallengeTarget target = new ChallengeTarget(first.http01(), this::answer);
        Pebble pebble = Pebble.start(folder.resolve("pebble"), first.http01());
        RunningServer onEmbedded =
            RunningServer.start(embedded, first, List.of(pebble.names().setting()));
        RunningServer onPostgresql =
            RunningServer.start(postgresql, sharing, settings(database, pebble))) {
      List<Contender> contenders =
          List.of(
              new Contender(
                  "Pebble",
                  Optional.empty(),
                  pebble.certificate(),
                  pebble.directoryUrl(),
                  pebble.pid(),
                  Optional.empty()),
              new Contender(
                  "embedded database",
                  Optional.of(1.0),
                  embedded.resolve("home/root.pem"),
                  onEmbedded.directoryUrl(),
                  onEmbedded.pid(),
                  Optional.empty()),
              new Contender(
                  "PostgreSQL",
                  Optional.of(0.7),
                  postgresql.resolve("home/root.pem"),
                  onPostgresql.directoryUrl(),
                  onPostgresql.pid(),
                  Optional.of(database.url().substring(database.url().lastIndexOf('/') + 1))));
      List<Lane> lanes = new ArrayList<>();
      for (int clients : CLIENTS) {
        for (Contender contender : contenders) {
          lanes.add(lane(contender, clients));
        }
      }
      for (Lane lane : lanes) {
        if (lane.clients().size() > 1) {
          measure(lane, WARM_UP_SECONDS);
          System.err.println("warmed up: " + lane.contender().name());
        }
      }
      for (int round = 1; round <= rounds; round++) {
        for (Lane lane : lanes) {
          lane.rounds().add(measure(lane, ROUND_SECONDS));
        }
        System.err.printf("round %d of %d%n", round, rounds);
      }
      return report(lanes, rounds);
    }
  }

  private static List<String> settings(TestDatabase database, Pebble pebble) {
    List<String> settings = new ArrayList<>(RunningServer.settings(database));
    settings.add(pebble.names().setting());
    return settings;
  }

  private String answer(String token) {
    OrderingClient.Awaited awaited = challenges.get(token);
    if (awaited == null) {
      return "";
    }
    awaited.asked().countDown();
    return awaited.answer();
  }

  private Lane lane(Contender contender, int clients) throws Exception {
    // HTTP/1.1, so that a client has its own connection, which it keeps.
    HttpClient http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .sslContext(Trust.in(contender.trusted()))
            .build();
    List<OrderingClient> accounts = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
      String name = "c" + i + "of" + clients;
      accounts.add(new OrderingClient(http, contender.directory(), name, challenges));
    }
    return new Lane(contender, http, accounts, new ArrayList<>());
  }

  private static Round measure(Lane lane, int seconds) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(lane.clients().size())) {
      // One order each that is not counted: it opens the connections that the round then keeps.
      rates(threads, lane.clients(), 0);
      return measure(lane, seconds, threads);
    }
  }

  private static Round measure(Lane lane, int seconds, ExecutorService threads) throws Exception {
    Contender contender = lane.contender();
    int ordersBefore = lane.clients().stream().mapToInt(OrderingClient::orders).sum();
    int looksBefore = lane.clients().stream().mapToInt(OrderingClient::looks).sum();
    double serverBefore = ProcessorTime.of(contender.pid());
    double databaseBefore = database(contender);
    double clientsBefore = ProcessorTime.of(ProcessHandle.current().pid());
    int failuresBefore = lane.clients().stream().mapToInt(OrderingClient::failures).sum();
    double perSecond = rates(threads, lane.clients(), seconds);
    if (lane.clients().stream().mapToInt(OrderingClient::orders).sum() == ordersBefore) {
      throw new IllegalStateException(contender.name() + " does not answer any more; run again");
    }
    return new Round(
        lane.clients().stream().mapToInt(OrderingClient::orders).sum() - ordersBefore,
        lane.clients().stream().mapToInt(OrderingClient::looks).sum() - looksBefore,
        lane.clients().stream().mapToInt(OrderingClient::failures).sum() - failuresBefore,
        perSecond,
        1000 * (ProcessorTime.of(contender.pid()) - serverBefore),
        1000 * (database(contender) - databaseBefore),
        1000 * (ProcessorTime.of(ProcessHandle.current().pid()) - clientsBefore));
  }

  /**
   * Has each client order until the time is over, once at least; the sum of their orders per
   * second. Each has its own time, so that one that waits for a lost answer does not count for all.
   */
  private static double rates(ExecutorService threads, List<OrderingClient> clients, int seconds)
      throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    List<Callable<Double>> tasks = new ArrayList<>();
    for (OrderingClient client : clients) {
      tasks.add(() -> {
        long begin = System.nanoTime();
        int before = client.orders();
        do {
          client.order();
        } while (System.nanoTime() < end);
        return (client.orders() - before) * 1e9 / (System.nanoTime() - begin);
      });
    }
    double sum = 0;
    for (Future<Double> rate : threads.invokeAll(tasks)) {
      sum += rate.get();
    }
    return sum;
  }

  private static double database(Contender contender) throws IOException {
    return contender.database().isPresent()
        ? ProcessorTime.ofDatabase(contender.database().get())
        : 0;
  }

  private static boolean report(List<Lane> lanes, int rounds) throws IOException {
    System.out.printf(
        "%s, %d cores; Java %s; %s%n",
        processor(), Runtime.getRuntime().availableProcessors(), Runtime.version(), load());
    System.out.printf(
        "%d rounds of %d s each, by turns; processor time in milliseconds per order%n%n",
        rounds, ROUND_SECONDS);
    System.out.println(
        "| server | clients | orders | failures | orders/s | server CPU | database CPU | client CPU"
            + " | looks | orders/s to Pebble's | CPU to Pebble's | limit | kept |");
    System.out.println("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    boolean allKept = true;
    for (Lane lane : lanes) {
      Lane pebble =
          lanes.stream()
              .filter(other -> other.contender().limit().isEmpty())
              .filter(other -> other.clients().size() == lane.clients().size())
              .findFirst()
              .orElseThrow();
      Optional<Double> limit = lane.contender().limit();
      double ratio = lane.median(pebble);
      boolean kept = limit.isEmpty() || (ratio >= limit.get() && lane.failures() == 0);
      allKept &= kept;
      System.out.printf(
          Locale.ROOT,
          "| %s | %d | %d | %d | %.1f | %.2f | %s | %.2f | %.1f | %.2f | %.2f | %s | %s |%n",
          lane.contender().name(),
          lane.clients().size(),
          lane.orders(),
          lane.failures(),
          lane.medianPerSecond(),
          lane.perOrder(Round::server),
          lane.contender().database().isPresent()
              ? String.format(Locale.ROOT, "%.2f", lane.perOrder(Round::database))
              : "-",
          lane.perOrder(Round::clients),
          lane.perOrder(Round::looks),
          ratio,
          lane.perOrder(Round::server) / pebble.perOrder(Round::server),
          limit.map(Object::toString).orElse("-"),
          limit.isEmpty() ? "-" : kept ? "yes" : "no");
    }
    System.out.printf(
        "%norders/s and its ratio: the median round. %s%n",
        allKept ? "within the limits" : "over the limits");
    return allKept;
  }

  private static String processor() throws IOException {
    return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
        .filter(line -> line.startsWith("model name"))
        .map(line -> line.substring(line.indexOf(':') + 2))
        .findFirst()
        .orElse(System.getProperty("os.arch"));
  }

  private static String load() throws IOException {
    return "load average at the end " + Files.readString(Path.of("/proc/loadavg")).split(" ", 3)[1];
  }
}
