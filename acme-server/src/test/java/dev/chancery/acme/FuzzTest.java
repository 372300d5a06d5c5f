package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.ThreadMXBean;
import dev.chancery.core.Refused;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.DerMutation;
import dev.chancery.testing.JsonMutation;
import dev.chancery.testing.Mutation;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Invariant 6 under mutants of right requests: what comes is taken or refused, in bounded time and
 * memory, and nothing else happens. A plain build has time for a few; scripts/fuzz.sh feeds as many
 * as it is told. The number of a mutant and the seed make it again, on any number of threads.
 */
final class FuzzTest {
  private static final long EXECUTIONS = Long.getLong("fuzz.executions", 60_000);
  private static final long SEED = Long.getLong("fuzz.seed", new Random().nextLong());
  private static final int THREADS = Integer.getInteger("fuzz.threads", 1);
  private static final long SOCKET_EXECUTIONS = Math.max(300, EXECUTIONS / 1000);

  private static final long SLOWEST = Duration.ofSeconds(1).toNanos();
  private static final long LARGEST = 64L << 20;
  // What is longer is refused before it is read (SignedRequests).
  private static final int LONGEST = 128 * 1024;

  private static final ThreadMXBean THREAD = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final RequestedCertificate CSRS = new RequestedCertificate();

  /** What is fed, and how large a part of all executions it gets. */
  private record Part(String name, FuzzTarget target, int percent) {
    long executions() {
      return EXECUTIONS * percent / 100;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static final List<Part> PARTS =
      List.of(
          new Part("DNS names", new NameTargets.Dns(), 20),
          new Part("IP addresses", new NameTargets.Ip(), 10),
          new Part("contacts", new NameTargets.Contact(), 10),
          new Part("certificate ids", new NameTargets.CertificateId(), 10),
          new Part("payloads", new RequestTargets.Payloads(), 15),
          new Part("bindings", new RequestTargets.Binding(), 5),
          new Part("keys", new RequestTargets.Key(), 10),
          new Part("signed requests", new RequestTargets.SignedRequest(), 10),
          new Part("CSRs", CSRS, 10));

  /** What came of the executions of a part: the worst in nanoseconds and octets. */
  private record Outcome(long taken, long refused, long slowest, long largest) {
    Outcome and(Outcome other) {
      return new Outcome(
          taken + other.taken,
          refused + other.refused,
          Math.max(slowest, other.slowest),
          Math.max(largest, other.largest));
    }
  }

  @Test
  @DisplayName("RFC 8555 6.2, 7: mutants of JWS, keys, names and CSRs are taken or refused")
  void parsers() throws Exception {
    StringBuilder table =
        new StringBuilder(
            "%-16s %11s %11s %11s %11s %11s%n"
                .formatted("part", "executions", "taken", "refused", "slowest ms", "largest KiB"));
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      for (Part part : PARTS) {
        warmUp(part);
        List<Callable<Outcome>> shares = new ArrayList<>();
        for (int share = 0; share < THREADS; share++) {
          int first = share;
          shares.add(() -> run(part, first));
        }
        Outcome all = new Outcome(0, 0, 0, 0);
        for (Future<Outcome> share : threads.invokeAll(shares)) {
          all = all.and(share.get());
        }
        assertThat(all.taken()).describedAs("taken of %s", part).isPositive();
        assertThat(all.refused()).describedAs("refused of %s", part).isPositive();
        table.append(
            "%-16s %11d %11d %11d %11.1f %11d%n"
                .formatted(
                    part,
                    part.executions(),
                    all.taken(),
                    all.refused(),
                    all.slowest() / 1e6,
                    all.largest() >> 10));
      }
    } finally {
      write("parsers.txt", "fuzz.seed=" + SEED + System.lineSeparator() + table);
    }
  }

  /** Classes load once, and that is no mutant's fault. */
  private static void warmUp(Part part) {
    for (int number = -50; number < 0; number++) {
      execute(part, number);
    }
  }

  private static Outcome run(Part part, int first) {
    Outcome all = new Outcome(0, 0, 0, 0);
    for (long number = first; number < part.executions(); number += THREADS) {
      Outcome one = execute(part, number);
      if (one.slowest() > SLOWEST || one.largest() > LARGEST) {
        throw failure(part, number, new AssertionError("too much: " + one));
      }
      all = all.and(one);
    }
    return all;
  }

  private static byte[] mutant(Part part, long number) {
    // The mixing is SplittableRandom's own: neighbours have nothing in common.
    SplittableRandom random =
        new SplittableRandom(SEED + 1_000_000_007L * part.name().hashCode() + number);
    return part.target().mutant(new Mutation(random));
  }

  private static Outcome execute(Part part, long number) {
    byte[] mutant = mutant(part, number);
    if (mutant.length > LONGEST) {
      return new Outcome(0, 1, 0, 0);
    }
    long octets = THREAD.getCurrentThreadAllocatedBytes();
    long nanos = THREAD.getCurrentThreadCpuTime();
    boolean taken = taken(part, number, mutant);
    return new Outcome(
        taken ? 1 : 0,
        taken ? 0 : 1,
        THREAD.getCurrentThreadCpuTime() - nanos,
        THREAD.getCurrentThreadAllocatedBytes() - octets);
  }

  private static boolean taken(Part part, long number, byte[] mutant) {
    try {
      part.target().read(mutant);
      return true;
    } catch (AcmeProblem e) {
      answered(part, number, e.problem());
    } catch (Refused e) {
      answered(part, number, Problem.of(e));
    } catch (RuntimeException | Error e) {
      throw failure(part, number, e);
    }
    return false;
  }

  /** A refusal is a 4xx, and can be written. */
  private static void answered(Part part, long number, Problem problem) {
    try {
      assertThat(problem.error().status()).isBetween(400, 499);
      Json.write(problem.toJson());
    } catch (RuntimeException | Error e) {
      throw failure(part, number, e);
    }
  }

  private static AssertionError failure(Part part, long number, Throwable cause) {
    byte[] mutant = mutant(part, number);
    return new AssertionError(
        "fuzz.seed=%d, %s number %d: %s%nmutant of %d octets: %s"
            .formatted(
                SEED,
                part,
                number,
                cause,
                mutant.length,
                Base64.getEncoder().encodeToString(mutant.length > 20_000 ? new byte[0] : mutant)),
        cause);
  }

  private static void write(String file, String text) throws IOException {
    Path folder = Files.createDirectories(Path.of("target/fuzz"));
    Files.writeString(folder.resolve(file), text);
    System.out.print(text);
  }

  @Test
  @DisplayName("the same over a socket, rightly signed: a 4xx problem with a nonce, never a 5xx")
  void overSocket(@TempDir Path folder) throws Exception {
    Map<Integer, Integer> statuses = new LinkedHashMap<>();
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      byte[] certificate =
          AcmeClient.firstCertificate(
              client.certificate(acme.web, TestAuthority.generate(), "localhost"));
      AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
      for (long number = 0; number < SOCKET_EXECUTIONS; number++) {
        Mutation mutation = new Mutation(new SplittableRandom(SEED - number - 1));
        AcmeClient.Answer answer = send(client, order, certificate, mutation);
        assertThat(answer.status())
            .as("fuzz.seed=%d, number %d: %s", SEED, number, answer.body())
            .isLessThan(500);
        if (answer.status() >= 300) {
          assertThat(answer.error()).isNotEmpty();
        }
        assertThat(answer.header("Replay-Nonce")).isNotEmpty();
        assertThat(answer.body()).doesNotContain("Exception", "dev.chancery", "select ");
        statuses.merge(answer.status(), 1, Integer::sum);
      }
      // Nothing that was sent hurt the account or the server.
      client.read(client.account()).expect(200);
      assertThat(statuses).hasSizeGreaterThan(1);
    } finally {
      write(
          "socket.txt",
          "over a socket: %d requests, answers by status: %s%n"
              .formatted(SOCKET_EXECUTIONS, statuses));
    }
  }

  private static AcmeClient.Answer send(
      AcmeClient client, AcmeClient.Answer order, byte[] certificate, Mutation mutation) {
    JsonMutation json = new JsonMutation(mutation);
    DerMutation der = new DerMutation(mutation);
    List<String> urls =
        List.of(client.url("new-order"), client.url("new-authz"), client.url("key-change"));
    return switch (mutation.one(List.of(0, 1, 2, 3, 4, 5))) {
      case 0 ->
          client.post(
              order.text("finalize"),
              AcmeClient.object().put("csr", AcmeClient.base64(csr(mutation))));
      case 1 ->
          client.post(
              client.url("revoke-cert"),
              AcmeClient.object().put("certificate", AcmeClient.base64(der.of(certificate))));
      case 2 -> {
        ObjectNode header = json.of(client.header(client.url("new-order")));
        yield client.send(
            client.url("new-order"),
            AcmeClient.JOSE,
            client.jws(json.written(header), mutation.one(RequestTargets.PAYLOADS)).toString());
      }
      case 3 ->
          client.send(
              mutation.one(urls),
              AcmeClient.JOSE,
              mutation.text(
                  client
                      .jws(
                          client.header(urls.getFirst()).toString(),
                          RequestTargets.PAYLOADS.getFirst())
                      .toString()));
      case 4 ->
          client.post(mutation.one(urls), mutation.text(mutation.one(RequestTargets.PAYLOADS)));
      default -> {
        ObjectNode payload = (ObjectNode) AcmeClient.parse(mutation.one(RequestTargets.PAYLOADS));
        yield client.post(mutation.one(urls), json.written(json.of(payload)));
      }
    };
  }

  private static byte[] csr(Mutation mutation) {
    return CSRS.mutant(mutation);
  }
}
