use std::time::{Duration, Instant};
use std::sync::{Arc,Mutex};
use chartlight::engine::*;
use chartlight::assistant::verify::*;
use chartlight::assistant::prompt::PromptSet;
struct J(Arc<Verifier>, Vec<String>, Arc<Mutex<Vec<String>>>);
impl ClaimJudge for J { fn judge(&mut self, item: usize, attempt: u32, text: &str) -> Verdict {
  let s = self.0.check(text, &Source{sentence:&self.1[item], subject:""});
  self.2.lock().unwrap().push(format!("[{item}.{attempt}] {s:?}\n   S: {}\n   C: {text}", self.1[item]));
  match s { chartlight::domain::Support::Supported{..} => Verdict::Accept, _ => Verdict::Retry(Sampling::Seeded{seed:1+item as u32,temperature:0.5}) } } }
#[tokio::main]
async fn main() {
  let a: Vec<String> = std::env::args().collect();
  let t=Instant::now();
  let e = Engine::start(EngineSettings{model_name:"m".into(),model_path:a[1].clone().into(),model_sha256:"".into(),context_tokens:8192,batch_tokens:512,sequences:8,threads:2,queue:16,kv_type:KvType::F16,flash_attention: if a[2]=="on"{FlashAttention::On}else{FlashAttention::Off}}).await.unwrap();
  println!("load {:?} {:?}", t.elapsed(), e.model());
  let p = PromptSet::embedded().unwrap(); let v=Arc::new(Verifier::embedded().unwrap());
  let sentences: Vec<String> = std::fs::read_to_string(&a[3]).unwrap().lines().map(|s|s.to_string()).filter(|s|!s.is_empty()).collect();
  let log=Arc::new(Mutex::new(vec![])); let (mut shown,mut total)=(0,0);
  for chunk in sentences.chunks(4) {
    let t=Instant::now(); let mut first=None;
    let items = chunk.iter().map(|s| Item{user:p.render("explain/sentence.md",&[("sentence",s)]).unwrap(),answer_prefix:p.render("explain/answer.md",&[]).unwrap(),max_tokens:64,sampling:Sampling::Greedy,stop:Stop::Sentence}).collect();
    let mut g = e.generate(e.reserve().unwrap(), GenerateRequest{system:Arc::from(p.render("explain/system.md",&[]).unwrap().as_str()),items,deadline:Instant::now()+Duration::from_secs(120),judge:Box::new(J(v.clone(),chunk.to_vec(),log.clone())),pieces:false}).unwrap();
    while let Some(ev)=g.next().await { match ev { GenerationEvent::FirstToken=>first=Some(t.elapsed()), GenerationEvent::Claim{..}=>shown+=1, GenerationEvent::Finished(s)=>println!("{:?} first {:?} {:?}",t.elapsed(),first,s), _=>{} } }
    total+=chunk.len();
  }
  for l in log.lock().unwrap().iter() { println!("{l}"); }
  println!("shown {shown}/{total}");
}
