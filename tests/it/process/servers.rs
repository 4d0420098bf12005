//! Real app servers, with each way to give them their sockets.

use crate::support::kernel::eventually;
use crate::support::{Proxy, Request, repository, venv};

/// A pool at `server` whose process is the Python module with these arguments; `keys` follow the command.
fn python(server: &str, arguments: &str, keys: &str) -> String {
    let words: Vec<String> = arguments.split_whitespace().map(|word| format!("\"{word}\"")).collect();
    let words = words.join(", ");
    format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [\"{server}\"]\n[upstream.app.process]\n\
         command = [\"{}\", \"-m\", {words}]\ndirectory = \"{}\"\n{keys}\n",
        venv::python().display(),
        repository("tests/apps/tiny").display(),
    )
}

const UNIX: &str = "unix:run/app.sock";

/// A port that nobody has now.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// It answers, is replaced, and answers still; nothing has failed meanwhile.
fn assert_serves_and_is_replaced(server: &str, arguments: &str, keys: &str) {
    let quiet = "environment = { PYTHONDONTWRITEBYTECODE = \"1\" }";
    let proxy = Proxy::config(&python(server, arguments, &format!("{quiet}\n{keys}"))).start();
    let post = Request::new("POST", "/").body("sent");
    let answer = proxy.send(&post);
    assert!(answer.text().ends_with(" POST sent"), "{}", answer.text());
    let next = quiet.replace(" }", ", NEXT = \"1\" }");
    assert!(proxy.reload(&python(server, arguments, &format!("{next}\n{keys}"))).contains("in force"));
    let pid = |text: &str| text.split(' ').next().unwrap().to_owned();
    eventually("the next generation answers", || {
        let next = proxy.send(&post);
        assert_eq!(next.status, 200, "{}", next.text());
        pid(next.text()) != pid(answer.text())
    });
    proxy.wait_for_log("app stopped");
    assert!(proxy.send(&post).text().ends_with(" POST sent"));
}

#[test]
fn gunicorn_sync_by_the_path_of_its_socket() {
    assert_serves_and_is_replaced(UNIX, "gunicorn tiny:wsgi --no-control-socket --bind unix:{socket}", "");
}

#[test]
fn gunicorn_gthread_by_a_port() {
    let arguments = "gunicorn tiny:wsgi --no-control-socket --threads 4 --bind 127.0.0.1:{port}";
    assert_serves_and_is_replaced(&free_port(), arguments, "");
}

#[test]
fn gunicorn_gthread_by_a_descriptor() {
    let arguments = "gunicorn tiny:wsgi --no-control-socket --threads 4 --bind fd://{fd}";
    assert_serves_and_is_replaced(UNIX, arguments, "");
    assert_serves_and_is_replaced(&free_port(), arguments, "");
}

/// gunicorn takes a descriptor for two if it is told of it twice, and ends: so `{fd}` alone speaks no protocol.
#[test]
fn gunicorn_sync_by_socket_activation() {
    let arguments = "gunicorn tiny:wsgi --no-control-socket --workers 2";
    assert_serves_and_is_replaced(UNIX, arguments, "socket_activation = true");
    assert_serves_and_is_replaced(&free_port(), arguments, "socket_activation = true");
}

#[test]
fn uvicorn_by_a_descriptor() {
    assert_serves_and_is_replaced(UNIX, "uvicorn tiny:asgi --fd {fd}", "");
    assert_serves_and_is_replaced(&free_port(), "uvicorn tiny:asgi --fd {fd}", "");
}

#[test]
fn uvicorn_by_the_path_of_its_socket() {
    assert_serves_and_is_replaced(UNIX, "uvicorn tiny:asgi --uds {socket}", "");
}

#[test]
fn several_sockets_are_passed_on_with_their_names() {
    let script = "import os, socket, sys\n\
        assert os.environ['LISTEN_PID'] == str(os.getpid())\n\
        print(os.environ['LISTEN_FDS'], os.environ['LISTEN_FDNAMES'])\n\
        import select, threading\n\
        def serve(s):\n\
        \x20   while True:\n\
        \x20       peer, _ = s.accept()\n\
        \x20       peer.recv(65536)\n\
        \x20       peer.sendall(b'HTTP/1.0 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n%d' % s.fileno())\n\
        \x20       peer.close()\n\
        for fd in (3, 4): threading.Thread(target=serve, args=[socket.socket(fileno=fd)]).start()\n";
    let toml = format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [\"unix:run/app.sock\", \"{}\"]\n\
         [upstream.app.process]\ncommand = [\"python3\", \"app.py\"]\nsocket_activation = true\n",
        free_port()
    );
    let proxy = Proxy::config(&toml).file("app.py", script).start();
    proxy.wait_for_log(" 2 app:app ");
    let mut answers = [proxy.get("/").text().to_owned(), proxy.get("/").text().to_owned()];
    answers.sort();
    assert_eq!(answers, ["3", "4"]);
}
