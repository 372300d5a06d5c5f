package dev.chancery.e2e;

import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.ToDoubleFunction;
import java.util.function.ToIntFunction;

/** A server of {@link AcmeBenchmark} with its clients of one number, and what each round was. */
final class OrderLane {
  /**
   * A server.
   *
   * @param limit the least number of orders per second, Pebble's being 1; none for Pebble
   * @param fetches how often it comes for the answer to a challenge
   * @param pid of its process, which may be another after a while
   * @param database the name of a PostgreSQL database, whose processes are counted beside
   */
  record Contender(
      String name,
      Optional<Double> limit,
      int fetches,
      Path trusted,
      String directory,
      LongSupplier pid,
      Optional<String> database) {
    private double serverTime() throws IOException {
      return ProcessorTime.of(pid.getAsLong());
    }

    private double databaseTime() throws IOException {
      return database.isPresent() ? ProcessorTime.ofDatabase(database.get()) : 0;
    }
  }

  /**
   * What came of a round.
   *
   * @param failures orders that were given up because an answer did not come
   * @param server processor time in milliseconds; likewise database and clients
   */
  record Round(
      int orders,
      int looks,
      int failures,
      double perSecond,
      double server,
      double database,
      double clients) {
    /** Nothing could be measured. */
    static final Round LOST = new Round(0, 0, 1, 0, 0, 0, 0);

    double serverPerOrder() {
      return server / orders;
    }
  }

  private final Contender contender;
  private final int number;
  private final Map<String, OrderingClient.Awaited> challenges;
  private final List<Round> rounds = new ArrayList<>();
  private List<OrderingClient> clients = List.of();

  /**
   * @param challenges where the web server finds the answers to challenges, by token
   */
  OrderLane(Contender contender, int number, Map<String, OrderingClient.Awaited> challenges) {
    this.contender = contender;
    this.number = number;
    this.challenges = challenges;
  }

  /** Makes accounts for all clients, in place of those that they had. */
  void register() throws Exception {
    // HTTP/1.1, so that a client has its own connection, which it keeps.
    HttpClient http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .sslContext(Trust.in(contender.trusted()))
            .build();
    List<OrderingClient> registered = new ArrayList<>();
    for (int i = 0; i < number; i++) {
      registered.add(
          new OrderingClient(
              http,
              contender.directory(),
              "c" + i + "of" + number,
              challenges,
              contender.fetches(),
              pause()));
    }
    clients = registered;
  }

  /**
   * Before each look, whatever the server: 5 ms with one client, 20 with 16, which have the
   * processors busy meanwhile. Pebble 2.4.0 takes its locks in different orders when it is asked
   * for an object and when it changes it; asked earlier, it soon hangs for good.
   */
  private Duration pause() {
    return Duration.ofMillis(4L + number);
  }

  Contender contender() {
    return contender;
  }

  /** How many clients it has. */
  int number() {
    return number;
  }

  List<Round> rounds() {
    return rounds;
  }

  /** Has all clients order for some seconds. */
  Round measure(int seconds) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(number)) {
      // One order each that is not counted: it opens the connections that the round then keeps.
      rates(threads, 0);
      return measure(seconds, threads);
    }
  }

  private Round measure(int seconds, ExecutorService threads) throws Exception {
    int ordersBefore = sum(OrderingClient::orders);
    int looksBefore = sum(OrderingClient::looks);
    int failuresBefore = sum(OrderingClient::failures);
    double serverBefore = contender.serverTime();
    double databaseBefore = contender.databaseTime();
    double clientsBefore = ProcessorTime.of(ProcessHandle.current().pid());
    double perSecond = rates(threads, seconds);
    return new Round(
        sum(OrderingClient::orders) - ordersBefore,
        sum(OrderingClient::looks) - looksBefore,
        sum(OrderingClient::failures) - failuresBefore,
        perSecond,
        1000 * (contender.serverTime() - serverBefore),
        1000 * (contender.databaseTime() - databaseBefore),
        1000 * (ProcessorTime.of(ProcessHandle.current().pid()) - clientsBefore));
  }

  /**
   * Has each client order until the time is over, once at least; the sum of their orders per
   * second. Each has its own time, so that one that waits for a lost answer does not count for all.
   */
  private double rates(ExecutorService threads, int seconds) throws Exception {
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

  private int sum(ToIntFunction<OrderingClient> what) {
    return clients.stream().mapToInt(what).sum();
  }

  /**
   * The median ratio of orders per second. A round in which the other lost answers says nothing;
   * without any other round there is no number.
   */
  double median(OrderLane other) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < Math.min(rounds.size(), other.rounds.size()); i++) {
      if (other.rounds.get(i).failures() == 0) {
        ratios.add(rounds.get(i).perSecond() / other.rounds.get(i).perSecond());
      }
    }
    return median(ratios);
  }

  double medianPerSecond() {
    return median(rounds.stream().map(Round::perSecond).toList());
  }

  private static double median(List<Double> numbers) {
    if (numbers.isEmpty()) {
      return Double.NaN;
    }
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
