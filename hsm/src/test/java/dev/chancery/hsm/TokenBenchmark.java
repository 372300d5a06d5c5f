package dev.chancery.hsm;

import com.sun.management.OperatingSystemMXBean;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.function.ToDoubleFunction;

/**
 * What a signature costs on the product's way to the token, verification left out, against the
 * JDK's provider called by the callers' own threads: one token, one key, a copy of the module each,
 * in short rounds by turns, so that whatever else the machine does meets both
 * (docs/performance.md).
 *
 * <p>Started by scripts/bench.sh; ends with 1 when the product's way costs too much.
 */
final class TokenBenchmark {
  private static final double MOST = 1.15;
  private static final List<Integer> CALLERS = List.of(1, 2, 4, 16, 64);
  private static final List<KeyAlgorithm> ALGORITHMS =
      List.of(
          KeyAlgorithm.EC_P256,
          KeyAlgorithm.EC_P384,
          KeyAlgorithm.RSA_2048,
          KeyAlgorithm.RSA_3072,
          KeyAlgorithm.RSA_4096);
  // What config/chancery.yaml has.
  private static final int SIGNING_THREADS = 4;
  private static final Duration WARM_UP = Duration.ofSeconds(3);
  private static final Duration ROUND = Duration.ofMillis(300);
  // As long as what is signed of a usual certificate.
  private static final byte[] MESSAGE = new byte[1200];

  /** A way to a signature, and the threads that take it. */
  private record Way(Signing signing, ThreadFactory callers) {}

  private interface Signing {
    byte[] sign() throws Exception;
  }

  /** What one round of one way gave. */
  private static final class Round {
    private final long[] nanos;
    private final double perSecond;
    private final double perCpuSecond;

    private Round(long[] nanos, double seconds, double cpuSeconds) {
      this.nanos = nanos;
      this.perSecond = nanos.length / seconds;
      this.perCpuSecond = nanos.length / cpuSeconds;
    }
  }

  /**
   * The rounds of both ways with one key and one number of callers.
   *
   * @param callers how many call at once
   */
  private record Comparison(int callers, List<Round> bare, List<Round> ours) {
    /** Processor time of the process; for a single caller the time it waits, where that is more. */
    double cost() {
      double processor =
          median(bare, round -> round.perCpuSecond) / median(ours, round -> round.perCpuSecond);
      return callers == 1
          ? Math.max(processor, percentile(ours, 50) / percentile(bare, 50))
          : processor;
    }
  }

  private TokenBenchmark() {}

  /**
   * Measures, and prints a table.
   *
   * @param arguments an empty folder, how many rounds each way has, and what the module is
   */
  public static void main(String... arguments) throws Exception {
    boolean cheap = measure(Path.of(arguments[0]), Integer.parseInt(arguments[1]), arguments[2]);
    // The module's threads are no reason to stay.
    System.exit(cheap ? 0 : 1);
  }

  private static boolean measure(Path folder, int rounds, String module) throws Exception {
    Pkcs11Settings settings = settings(FreshToken.create(folder, "benchmark"));
    Path copy = Files.copy(settings.library(), folder.resolve("bare.so"));
    System.out.println(machine(module));
    System.out.println(
        "/s: signatures a second; /cpu: a CPU second; p50, p99: milliseconds; cost: ours to"
            + " bare\n");
    System.out.printf(
        "%-9s%8s%8s%8s%10s%10s%10s%10s%10s%10s%6s%n",
        "key",
        "callers",
        "bare/s",
        "ours/s",
        "bare/cpu",
        "ours/cpu",
        "bare p50",
        "ours p50",
        "bare p99",
        "ours p99",
        "cost");

    List<String> tooMuch = new ArrayList<>();
    try (Pkcs11Token token = Pkcs11Token.open(settings, TokenObserver.NONE)) {
      List<WantedKey> keys = new ArrayList<>();
      for (KeyAlgorithm algorithm : ALGORITHMS) {
        KeyId id = new KeyId("0" + keys.size());
        SubjectPublicKey key = token.generate(id, algorithm);
        keys.add(new WantedKey(id, key, SigningScheme.of(algorithm, false)));
      }
      SunPkcs11 bare = bare(copy, settings);
      for (WantedKey key : keys) {
        token.want(key);
        TokenKey ours = token.key(key, Operation.ISSUANCE);
        SunPkcs11.Key own = bare.key(key.id(), key.expected());
        tooMuch.addAll(
            compare(
                key.expected().algorithm(),
                new Way(() -> bare.sign(own, key.scheme(), MESSAGE), Thread.ofPlatform().factory()),
                new Way(() -> ours.sign(MESSAGE), Thread.ofVirtual().factory()),
                rounds));
      }
    }
    System.out.println();
    System.out.println(
        tooMuch.isEmpty()
            ? "within the limit: " + MOST + " at 1 caller and in the median over callers"
            : "OVER the limit of " + MOST + ": " + String.join("; ", tooMuch));
    return tooMuch.isEmpty();
  }

  private static Pkcs11Settings settings(Pkcs11Settings created) throws IOException {
    Files.setPosixFilePermissions(created.pinFile(), PosixFilePermissions.fromString("rw-------"));
    return new Pkcs11Settings(
        created.library(),
        created.label(),
        Optional.empty(),
        created.pinFile(),
        SIGNING_THREADS,
        created.signingTimeLimit(),
        created.place(),
        created.environment());
  }

  private static SunPkcs11 bare(Path library, Pkcs11Settings settings) throws Exception {
    Cryptoki module = Cryptoki.load(library, settings.environment());
    CryptokiToken token = settings.name().in(library, module.tokens());
    return SunPkcs11.open(
        library, settings.environment(), "the bare token", token, SoftHsmToken.PIN.toCharArray());
  }

  private static String machine(String module) throws IOException {
    String processor =
        Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
            .filter(line -> line.startsWith("model name"))
            .map(line -> line.substring(line.indexOf(':') + 1).strip())
            .findFirst()
            .orElse(System.getProperty("os.arch"));
    return "%s, %d cores; Java %s; %s; %d signing threads"
        .formatted(
            processor,
            Runtime.getRuntime().availableProcessors(),
            Runtime.version(),
            module,
            SIGNING_THREADS);
  }

  /** Prints a line for each number of callers; what costs too much is the answer. */
  private static List<String> compare(KeyAlgorithm algorithm, Way bare, Way ours, int rounds)
      throws Exception {
    round(bare, 2, WARM_UP);
    round(ours, 2, WARM_UP);
    List<Comparison> all = new ArrayList<>();
    for (int callers : CALLERS) {
      Comparison each = new Comparison(callers, new ArrayList<>(), new ArrayList<>());
      for (int i = 0; i < rounds; i++) {
        each.bare().add(round(bare, callers, ROUND));
        each.ours().add(round(ours, callers, ROUND));
      }
      all.add(each);
      print(algorithm, each);
    }

    List<String> tooMuch = new ArrayList<>();
    double alone = all.getFirst().cost();
    if (alone > MOST) {
      tooMuch.add("%s %.2f at 1 caller".formatted(algorithm, alone));
    }
    double usual = median(all, Comparison::cost);
    if (usual > MOST) {
      tooMuch.add("%s %.2f in the median".formatted(algorithm, usual));
    }
    return tooMuch;
  }

  private static void print(KeyAlgorithm algorithm, Comparison each) {
    System.out.printf(
        Locale.ROOT,
        "%-9s%8d%8.0f%8.0f%10.0f%10.0f%10.3f%10.3f%10.3f%10.3f%6.2f%n",
        algorithm,
        each.callers(),
        median(each.bare(), round -> round.perSecond),
        median(each.ours(), round -> round.perSecond),
        median(each.bare(), round -> round.perCpuSecond),
        median(each.ours(), round -> round.perCpuSecond),
        percentile(each.bare(), 50),
        percentile(each.ours(), 50),
        percentile(each.bare(), 99),
        percentile(each.ours(), 99),
        each.cost());
  }

  private static <T> double median(List<T> all, ToDoubleFunction<T> number) {
    double[] sorted = all.stream().mapToDouble(number).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  private static double percentile(List<Round> rounds, int percent) {
    long[] sorted =
        rounds.stream().flatMapToLong(each -> Arrays.stream(each.nanos)).sorted().toArray();
    return sorted[(int) ((sorted.length - 1) * (long) percent / 100)] / 1e6;
  }

  private static Round round(Way way, int callers, Duration length) throws Exception {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    CountDownLatch start = new CountDownLatch(1);
    List<Future<long[]>> signing = new ArrayList<>();
    try (ExecutorService executor = Executors.newThreadPerTaskExecutor(way.callers())) {
      for (int i = 0; i < callers; i++) {
        signing.add(
            executor.submit(() -> {
              start.await();
              return signFor(way.signing(), length);
            }));
      }
      long processor = system.getProcessCpuTime();
      long began = System.nanoTime();
      start.countDown();
      List<long[]> nanos = new ArrayList<>();
      for (Future<long[]> each : signing) {
        nanos.add(each.get());
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      double cpuSeconds = (system.getProcessCpuTime() - processor) / 1e9;
      return new Round(nanos.stream().flatMapToLong(Arrays::stream).toArray(), seconds, cpuSeconds);
    }
  }

  /** Signs one after the other; how long each took. */
  private static long[] signFor(Signing signing, Duration length) throws Exception {
    long[] nanos = new long[1024];
    int done = 0;
    long asked = System.nanoTime();
    long end = asked + length.toNanos();
    while (asked - end < 0) {
      signing.sign();
      long answered = System.nanoTime();
      if (done == nanos.length) {
        nanos = Arrays.copyOf(nanos, 2 * done);
      }
      nanos[done++] = answered - asked;
      asked = answered;
    }
    return Arrays.copyOf(nanos, done);
  }
}
