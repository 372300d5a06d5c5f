package dev.chancery.e2e;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;

/**
 * A TCP proxy that hands connections to nodes in turn, and cuts some of them in the middle of a
 * request. It has no key and sees TLS records alone: clients must speak TLS 1.2, which tells the
 * records of requests and answers from those of the handshake.
 */
final class CuttingProxy implements AutoCloseable {
  /** Where in a request a connection ends. */
  enum Cut {
    /** The node gets half a record, or the head of a request without its body. */
    BEFORE_THE_REQUEST_IS_WHOLE,
    /** The node gets it all and acts on it, and its answer is thrown away. */
    BEFORE_THE_ANSWER,
    /** The client gets half a record, or the head of an answer without its body. */
    INSIDE_THE_ANSWER
  }

  private static final int APPLICATION_DATA = 23;
  private static final int HEADER = 5;
  // What a load balancer does when a node is down: it takes the next.
  private static final int TRIES = 200;
  private static final int PAUSE_MILLIS = 50;

  private final ServerSocket listener;
  private final List<Integer> nodes;
  private final double share;
  private final RandomGenerator random;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger requests = new AtomicInteger();
  private final AtomicInteger connections = new AtomicInteger();
  private final Map<Cut, AtomicInteger> cuts = new EnumMap<>(Cut.class);
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  /**
   * @param nodes ports on the loopback address
   * @param share of the requests that lose their connection, from 0 to 1
   */
  CuttingProxy(int port, List<Integer> nodes, double share, RandomGenerator random)
      throws IOException {
    this.nodes = List.copyOf(nodes);
    this.share = share;
    this.random = random;
    for (Cut cut : Cut.values()) {
      cuts.put(cut, new AtomicInteger());
    }
    listener = new ServerSocket(port, 200, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException e) {
        // The test ends.
      }
    }
  }

  private void serve(Socket client) {
    connections.incrementAndGet();
    try (client;
        Socket node = connect()) {
      open.add(client);
      open.add(node);
      new Connection(client, node).run();
    } catch (IOException e) {
      // Either side is gone: closing both is all that a proxy can say.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(client);
    }
  }

  private Socket connect() throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      int port = nodes.get(Math.floorMod(next.getAndIncrement(), nodes.size()));
      try {
        return new Socket(InetAddress.getLoopbackAddress(), port);
      } catch (IOException e) {
        if (attempt == TRIES) {
          throw e;
        }
        Thread.sleep(PAUSE_MILLIS);
      }
    }
  }

  /** Both directions of one connection, and where it is to end. */
  private final class Connection {
    private final Socket client;
    private final Socket node;
    private boolean answering = true;
    private int records;
    private Optional<Cut> planned = Optional.empty();

    Connection(Socket client, Socket node) {
      this.client = client;
      this.node = node;
    }

    void run() throws InterruptedException {
      Thread answers = Thread.ofVirtual().start(() -> copy(node, client, false));
      copy(client, node, true);
      answers.join();
    }

    private void copy(Socket from, Socket to, boolean request) {
      try {
        DataInputStream input = new DataInputStream(from.getInputStream());
        OutputStream output = to.getOutputStream();
        byte[] header = new byte[HEADER];
        while (true) {
          input.readFully(header);
          byte[] record = new byte[HEADER + (header[3] & 0xff) * 256 + (header[4] & 0xff)];
          System.arraycopy(header, 0, record, 0, HEADER);
          input.readFully(record, HEADER, record.length - HEADER);
          int passed = header[0] == APPLICATION_DATA ? passed(request, record.length) : -1;
          if (passed >= 0) {
            output.write(record, 0, passed);
            output.flush();
            break;
          }
          output.write(record);
          output.flush();
        }
      } catch (IOException e) {
        // One side ended, or the other direction was cut.
      } finally {
        close(client);
        close(node);
      }
    }

    /** How much of a record passes before the connection ends; -1 for all, and it goes on. */
    private synchronized int passed(boolean request, int length) {
      if (request && answering) {
        answering = false;
        records = 0;
        requests.incrementAndGet();
        planned = plan();
      } else if (!request && !answering) {
        answering = true;
        records = 0;
      }
      records++;
      if (planned.isEmpty()) {
        return -1;
      }
      // Whether the first record ends it or the second one, the length of a record decides, which
      // is as good as chance.
      boolean due = records == 1 + length % 2 || records == 2;
      int passes =
          switch (planned.get()) {
            case BEFORE_THE_REQUEST_IS_WHOLE -> request && due ? length / 2 : -1;
            case BEFORE_THE_ANSWER -> request ? -1 : 0;
            case INSIDE_THE_ANSWER -> !request && due ? length / 2 : -1;
          };
      if (passes >= 0) {
        cuts.get(planned.get()).incrementAndGet();
      }
      return passes;
    }
  }

  private Optional<Cut> plan() {
    synchronized (random) {
      return random.nextDouble() < share
          ? Optional.of(Cut.values()[random.nextInt(Cut.values().length)])
          : Optional.empty();
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is closed.
    }
  }

  int connections() {
    return connections.get();
  }

  int requests() {
    return requests.get();
  }

  int cuts(Cut where) {
    return cuts.get(where).get();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    open.forEach(CuttingProxy::close);
  }
}
