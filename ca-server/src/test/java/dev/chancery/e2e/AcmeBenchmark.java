package dev.chancery.e2e;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Complete http-01 orders of this server, on both databases, and of Pebble, by turns in short
 * rounds: scripts/bench.sh acme.
 */
final class AcmeBenchmark {
  private static final List<Integer> CLIENTS = List.of(1, 16);
  private static final int ROUND_SECONDS = 5;
  // A server is warm when two rounds one after the other made an order hardly cheaper than the
  // cheapest before: a JVM compiles what is called once per order only after thousands of orders.
  private static final int WARM_UP_ROUNDS = 30;
  // Two rounds that other work has disturbed look the same, so a JVM has some at any rate.
  private static final int LEAST_WARM_UP_ROUNDS = 10;
  private static final double HARDLY = 0.97;
  private static final int MOST_RESTARTS = 20;

  private final Map<String, OrderingClient.Awaited> challenges = new ConcurrentHashMap<>();
  private final List<OrderLane> lanes = new ArrayList<>();
  private final List<String> incidents = new ArrayList<>();
  private int restarts;

  private AcmeBenchmark() {}

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
      List<OrderLane.Contender> contenders =
          List.of(
              new OrderLane.Contender(
                  "Pebble",
                  Optional.empty(),
                  Pebble.FETCHES,
                  pebble.certificate(),
                  pebble.directoryUrl(),
                  pebble::pid,
                  Optional.empty()),
              new OrderLane.Contender(
                  "embedded database",
                  Optional.of(1.0),
                  1,
                  embedded.resolve("home/root.pem"),
                  onEmbedded.directoryUrl(),
                  onEmbedded::pid,
                  Optional.empty()),
              new OrderLane.Contender(
                  "PostgreSQL",
                  Optional.of(0.7),
                  1,
                  postgresql.resolve("home/root.pem"),
                  onPostgresql.directoryUrl(),
                  onPostgresql::pid,
                  Optional.of(database.url().substring(database.url().lastIndexOf('/') + 1))));
      for (int clients : CLIENTS) {
        for (OrderLane.Contender contender : contenders) {
          lanes.add(new OrderLane(contender, clients, challenges));
        }
      }
      for (OrderLane lane : lanes) {
        lane.register();
      }
      for (OrderLane lane : lanes) {
        if (lane.number() > 1) {
          warmUp(lane, pebble);
        }
      }
      for (int round = 1; round <= rounds; round++) {
        for (OrderLane lane : lanes) {
          lane.rounds().add(round(lane, pebble));
        }
        System.err.printf("round %d of %d%n", round, rounds);
      }
      return report(rounds);
    }
  }

  private void warmUp(OrderLane lane, Pebble pebble) throws Exception {
    double cheapest = Double.POSITIVE_INFINITY;
    int steady = 0;
    int least = isPebble(lane) ? 0 : LEAST_WARM_UP_ROUNDS;
    for (int round = 1; round <= WARM_UP_ROUNDS && (round <= least || steady < 2); round++) {
      OrderLane.Round measured = round(lane, pebble);
      if (measured.orders() == 0) {
        continue;
      }
      double now = measured.serverPerOrder();
      steady = now > HARDLY * cheapest ? steady + 1 : 0;
      cheapest = Math.min(cheapest, now);
      System.err.printf(
          Locale.ROOT,
          "warming up: %s, %.1f orders/s, %.2f ms of processor time each%n",
          lane.contender().name(),
          measured.perSecond(),
          now);
    }
  }

  /**
   * A round in which answers came, with another Pebble as often as one hangs. What stops a lane in
   * any other way costs it the round, and the others nothing.
   */
  private OrderLane.Round round(OrderLane lane, Pebble pebble) throws InterruptedException {
    try {
      OrderLane.Round measured = lane.measure(ROUND_SECONDS);
      while (measured.failures() > 0 && isPebble(lane) && restarts < MOST_RESTARTS) {
        restarts++;
        System.err.println("Pebble hangs; starting another");
        pebble.restart();
        for (OrderLane of : lanes) {
          if (isPebble(of)) {
            of.register();
          }
        }
        measured = lane.measure(ROUND_SECONDS);
      }
      return measured;
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      incidents.add(lane.contender().name() + ", " + lane.number() + " clients: " + e);
      return OrderLane.Round.LOST;
    }
  }

  private static boolean isPebble(OrderLane lane) {
    return lane.contender().limit().isEmpty();
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

  private boolean report(int rounds) throws IOException {
    System.out.printf(
        "%s, %d cores; Java %s; %s%n",
        processor(), Runtime.getRuntime().availableProcessors(), Runtime.version(), load());
    System.out.printf(
        "%d rounds of %d s each, by turns; processor time in milliseconds per order; Pebble hung"
            + " and was started anew %d times%n%n",
        rounds, ROUND_SECONDS, restarts);
    System.out.println(
        "| server | clients | orders | failures | orders/s | server CPU | database CPU | client CPU"
            + " | looks | orders/s to Pebble's | CPU to Pebble's | limit | kept |");
    System.out.println("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    boolean allKept = true;
    for (OrderLane lane : lanes) {
      allKept &= row(lane);
    }
    incidents.forEach(incident -> System.out.println("\n" + incident));
    System.out.printf(
        "%norders/s and its ratio: the median round. %s%n",
        allKept ? "within the limits" : "over the limits");
    return allKept;
  }

  /** Whether the lane keeps its limit. */
  private boolean row(OrderLane lane) {
    OrderLane pebble =
        lanes.stream()
            .filter(AcmeBenchmark::isPebble)
            .filter(other -> other.number() == lane.number())
            .findFirst()
            .orElseThrow();
    Optional<Double> limit = lane.contender().limit();
    double ratio = lane.median(pebble);
    boolean kept = limit.isEmpty() || (ratio >= limit.get() && lane.failures() == 0);
    double server = lane.perOrder(OrderLane.Round::server);
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %d | %d | %.1f | %.2f | %s | %.2f | %.1f | %.2f | %.2f | %s | %s |%n",
        lane.contender().name(),
        lane.number(),
        lane.orders(),
        lane.failures(),
        lane.medianPerSecond(),
        server,
        lane.contender().database().isPresent()
            ? String.format(Locale.ROOT, "%.2f", lane.perOrder(OrderLane.Round::database))
            : "-",
        lane.perOrder(OrderLane.Round::clients),
        lane.perOrder(OrderLane.Round::looks),
        ratio,
        server / pebble.perOrder(OrderLane.Round::server),
        limit.map(Object::toString).orElse("-"),
        limit.isEmpty() ? "-" : kept ? "yes" : "no");
    return kept;
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
