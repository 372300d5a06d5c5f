package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Clients that connect again and again in the background, whatever is done meanwhile; each attempt
 * is a handshake of its own, and each that fails is kept.
 */
final class ConnectingClients implements AutoCloseable {
  /** One attempt; empty when it came through. */
  interface Handshake {
    Optional<String> attempt() throws Exception;
  }

  private static final class Client {
    private final String name;
    private final AtomicInteger attempts = new AtomicInteger();
    private volatile boolean stopped;

    Client(String name) {
      this.name = name;
    }
  }

  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Client> clients = new ArrayList<>();
  private final Queue<String> failures = new ConcurrentLinkedQueue<>();

  /** Has clients of Java and OpenSSL that trust the same roots connect to a server from now on. */
  void begin(HandshakingClients trusting, String host, int port) {
    String server = host + ":" + port + ", trusting " + trusting.name();
    begin("Java to " + server, 500, () -> trusting.java(host, port));
    begin("OpenSSL to " + server, 1000, () -> trusting.openSsl(host, port));
  }

  private void begin(String name, long pauseMillis, Handshake handshake) {
    Client client = new Client(name);
    clients.add(client);
    threads.execute(() -> connect(client, pauseMillis, handshake));
  }

  private void connect(Client client, long pauseMillis, Handshake handshake) {
    try {
      while (!client.stopped) {
        handshake.attempt().ifPresent(failure -> failures.add(client.name + ": " + failure));
        client.attempts.incrementAndGet();
        Thread.sleep(pauseMillis);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      failures.add(client.name + ": " + e);
    }
  }

  /** Ends the clients that trust certain roots: what comes next is not for them. */
  void end(HandshakingClients trusting) {
    clients.stream()
        .filter(client -> client.name.endsWith(", trusting " + trusting.name()))
        .forEach(client -> client.stopped = true);
  }

  /** Every client has connected since it is asked for this, and none ever failed to. */
  void requireConnected() throws InterruptedException {
    for (Client client : clients) {
      int before = client.attempts.get();
      long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
      while (!client.stopped
          && client.attempts.get() < before + 2
          && failures.isEmpty()
          && System.nanoTime() < end) {
        Thread.sleep(50);
      }
      assertThat(failures).isEmpty();
      assertThat(client.stopped || client.attempts.get() >= before + 2).as(client.name).isTrue();
    }
  }

  /** How many handshakes there were. */
  int attempts() {
    return clients.stream().mapToInt(client -> client.attempts.get()).sum();
  }

  @Override
  public void close() {
    threads.shutdownNow();
    threads.close();
  }
}
